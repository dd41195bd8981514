"""A capture's calls as text, tp-007 JSON and one HTML page.

Read `capture_json`, `capture_sentences`, `capture_text`, `capture_page`.
"""
