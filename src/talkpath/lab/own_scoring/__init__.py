"""How often talkpath is right about an app's own servers and calls, over drawn networks (`talkpath lab score --own`).

Read row.py (one case as it was played), cases.py (a seed is one case; how it is played), run.py (plays those that have
no row yet), tables.py (the tables, from rows alone). No check with a test server is among them: the draws and figures
of those are lab/scoring's.
"""
