"""Rows of played checks to numbers. Pure functions; every share has its n and an exact 95 % interval.

Read `rates` (false accusations, right rules, coverage), `barely_touched`, `wald_bound` and `speed` (how soon), `goals`.
"""
