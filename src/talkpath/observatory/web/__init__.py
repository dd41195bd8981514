"""The observatory's web pages, rendered on the server: views are records, templates print them.

Read source.py (what pages ask for), cell.py (what may be shown), then a page (now.py, network.py, event.py, claims.py,
data.py, method.py, article.py), render.py and routes.py; indexed.py answers from the index, and pages.py and
event_worker.py keep the answers up to date.
"""
