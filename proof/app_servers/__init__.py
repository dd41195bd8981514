"""How often talkpath is right about an app's own servers and calls (`python -m proof score --own`).

Read drawing.py (networks for questions to an app's own addresses), hellos.py (TLS hosts asked with several
ClientHellos, and by name), long_messages.py (what kills the longer of them), score.py (plays a drawn network and judges
it); then row.py (one case as it was played), cases.py (a seed is one case; how it is played), run.py (plays those that
have no row yet), tables.py (the tables, from rows alone). No check with a test server is among them: the draws and
figures of those are proof/scoring's.
"""
