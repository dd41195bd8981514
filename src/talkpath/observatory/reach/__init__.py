"""Estimates how many people an event affects: an interval, and what was assumed for it.

Read tables.py (audiences, users), then estimate.py.
"""
