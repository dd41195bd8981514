"""Flows and streams to calls and their records.

stitch           groups flows that belong to one call
app_naming       the app of a group; `paths` its relays and peers
detection        the streams of groups, and which groups are calls (`detected_call`)
timeline         a call second by second
unsure_times     what a recording's times do not tell
records          calls and attempts as facts
pairing          the same call at both ends
"""
