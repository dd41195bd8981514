"""The news report of August 2025, sentence by sentence, tested on a made-up country.

Read page.py (docs/article.md), then truth.py (what the made-up country really did).
"""
