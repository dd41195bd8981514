"""Taking in: bundles, taps, withdrawals (spec/tp-006). HTTP in routes.py, what is decided in collector.py.

Contract: nothing is acknowledged that is not on the disk. What is refused is refused by one sentence and a code, and
costs little. The address that a request comes from becomes a pseudonym of the day and a network at once, and is kept
nowhere. What a bundle says is found out by a process of its own (judges.py), never here.
"""
