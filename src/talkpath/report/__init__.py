"""A verdict told to people and to programs: one sentence and three lines, JSON, one HTML file.

Prose lives here and nowhere else. No sentence goes beyond the verdict's basis.
"""
