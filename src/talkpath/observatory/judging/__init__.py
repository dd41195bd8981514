"""Judges the bundles that came in, in processes of their own, and writes what they say into the log.

Read judgement.py (from a bundle to a record), then judges.py (in a worker process, and the processes).
"""
