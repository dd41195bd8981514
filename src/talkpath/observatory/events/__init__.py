"""Events (spec/tp-008): when a restriction began, changed and ended on a network.

Read record.py (the record and its words), network_days.py (what bundles say of a network and day). detect/ finds them.
"""
