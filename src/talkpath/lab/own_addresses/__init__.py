"""The lab of `talkpath endpoints --tier 3`, in virtual time: ways to an app's servers and to neutral ones that part.

Read ways.py (routers, their limits, what is amiss on one way), network.py (packets and answers), play.py (the questions
over such a network), drawing.py (which networks), score.py (how often the words are right).
Then hellos.py (TLS hosts asked with several ClientHellos, and by name) and long_messages.py (what kills the longer of
them).
"""
