"""Judges what an app's own addresses, and the routers on the way there, answered (`talkpath endpoints`, tiers 2 and 3).

Read paths.py (which hops can be compared), contrasts.py (what fares worse than what), reading.py (is it a rule, and
what is it bound to), naming.py (which rule), place.py (at which hop), questions.py (what to measure next), series.py
(greetings), judge.py (the verdicts).
"""
