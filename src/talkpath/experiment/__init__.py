"""The experiment: who is call and who is twin, when each packet leaves, and what it costs.

Everything here is a pure function of the session's seeds, so both ends of a check work it out alone.
"""
