"""What follows from the day counts: events, the claims they bear on, and how many people they touch.

Read detector_input.py (counts for the detector), then folder_findings.py (of a folder, for the
command line), country_findings.py (of an observatory, for its pages), and text.py.
"""
