"""Estimates how many people an event affects: an interval, and what was assumed for it.

Read tables.py (audiences, users), estimate.py, then from_events.py.
"""
