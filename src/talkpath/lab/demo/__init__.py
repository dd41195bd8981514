"""The demo: three scenes in a simulated country, each one `talkpath check` through the lab, and an order that is bound
to an app's own addresses.

Read `script` (scenes.toml), `play`, `own_scene` (that order), `comparison` (claims and verdicts beside the ground
truth), then `text` and `page`. No result is known beforehand: everything that is shown was measured.
"""
