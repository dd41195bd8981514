"""The lab of `talkpath endpoints --tier 3`, in virtual time: ways to an app's servers and to neutral ones that part.

Read ways.py (routers, their limits, what is amiss on one way), network.py (packets and answers), play.py (the questions
over such a network). Which networks are drawn, and how often the words are right: proof/app_servers.
"""
