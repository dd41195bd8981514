"""Judges the bundles that came in, in processes of their own, and writes what they say into the log.

Read judgement.py (from a bundle to a record), then worker.py (in a worker process), then judges.py (the processes).
"""
