"""The far end of a check in a browser, in a process of its own: it answers calls and twins, keeps time, and counts.

Read in this order: `far_end_group` and `far_end_process` (they start it), `check_session` (one check), `epoch_run` (one
epoch's flows), `schedule` (the order drawn from the seed), and `check_record` (what was measured so far). Below are two
rooms that do not know each other: `transports` (what a flow is on the wire) and `counts_to_facts` (what both ends
counted becomes facts).
"""
