"""The demo: four scenes in a simulated country. Three are each one `talkpath check` through the lab; the fourth is a
`check --own` where a rule is bound to an app's own addresses.

Read `script` (scenes.toml), `play`, `comparison` (claims and verdicts beside the ground
truth), then `text` and `page`. No result is known beforehand: everything that is shown was measured.
"""
