"""The observatory's web pages, rendered on the server: views are records, templates print them.

Read source.py (what pages ask for), cell.py (what may be shown), views/ (what each page shows), pictures/ (charts,
strip, map), render.py, answers.py (HTML, JSON, CSV, PNG) and routes.py; pages.py
and event_worker.py keep the answers up to date.
"""
