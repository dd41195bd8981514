"""Judges what an app's own addresses, and the routers on the way there, answered (`talkpath endpoints`, tiers 2 and 3).

Read paths.py (which hops can be compared, and at which one a rule acts), contrasts.py (what fares worse than what),
reading.py (is it a rule, and what is it bound to), naming.py (which rule), questions.py (what to measure next),
judge.py (greetings in series, and the verdicts).
"""
