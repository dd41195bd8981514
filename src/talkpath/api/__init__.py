"""The public Python interface: what `import talkpath` offers, and what the command line calls.

Read `recording` (calls in capture files), `arrow_tables` (the same as tables), `check_result` (what a check gives),
`live_check` and `lab_check` (two ways to get one), `live_recording` (a stream of packets), `asked_endpoints` (an app's
own servers), then `verification` (evidence on disk). Public are only the names in
`talkpath.__all__`; the others in this folder serve the command line.
"""
