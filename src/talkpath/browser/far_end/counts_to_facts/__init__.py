"""Makes facts from what both ends counted of an epoch: functions without socket and clock.

Read in this order: `epoch_report` (the records of both ends, and why an epoch cannot be used), `arrivals` (which
packets arrived, and when), `epoch_facts` (the facts of an epoch that compares), and `call_paths` (the facts of an epoch
that tries paths).
"""
