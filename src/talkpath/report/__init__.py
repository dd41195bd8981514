"""Turns verdicts into text, JSON and HTML for people and for programs.

Read `words/` (sentences in the reader's language), then `check_text`, `check_json` and `pictures/` (a check on a
terminal, as tp-004, as a page), `recordings/` (the same of a capture), and the reports of the other commands:
`endpoint_report`, `location_report`, `transport_table`, `watch_report`, `rejudge`, `check_progress`. `printable` makes
text from outside safe to print, `languages/` has the catalogues.

All sentences that talkpath says about measurements are here; none goes beyond the basis of its verdict.
"""
