"""The demo: three scenes in a made-up country, each one `talkpath check` through the lab.

`script` reads scenes.toml, `play` plays it, `held` holds claims and verdicts against what is known, `tell` and `page`
say it in text and in HTML. Nothing here knows a result beforehand: what is told is what was measured.
"""
