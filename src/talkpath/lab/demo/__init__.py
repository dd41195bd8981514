"""The demo: three scenes in a simulated country, each one `talkpath check` through the lab.

Read `script` (scenes.toml), `play`, `comparison` (claims and verdicts beside the ground truth), then `text` and `page`.
No result is known beforehand: everything that is shown was measured.
"""
