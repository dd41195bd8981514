"""The experiment: which flows are calls and which are twins, when each packet is sent, and what an epoch costs.

Everything here is a pure function of the session's seeds, so both ends of a check compute it independently.
"""
