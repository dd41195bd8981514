"""Imports other records into the log: folders of bundles and taps, OONI's measurements.

Read files.py (into the log), then folder.py and ooni.py (what files hold).
"""
