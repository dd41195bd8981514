"""Computes numbers from the rows of played checks. Pure functions; every share has its n and an exact 95 % interval.

Read `rates` (false accusations, right rules, coverage), `barely_touched`, `wald_bound` and `speed` (how soon), `goals`.
"""
