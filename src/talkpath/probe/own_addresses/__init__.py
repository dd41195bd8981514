"""Questions to an app's own addresses that need more than one packet (`talkpath endpoints`, tiers 2 and 3).

Read datagrams.py (what all stages share), then series.py (greetings), ladder.py (the way to a server), trial.py (how
much a router answers), flights.py (packets that expire on the way), engine.py (all of that in order), plan.py (what it
costs), driver.py (real sockets).
"""
