"""Evidence: bundles that anybody can verify and judge again, offline.

Read `bundle` first (what a bundle is, and how it is written and read), then `archive` (its canonical zip),
`compression`, `stored_verdict` and `receipt_check` (does the responder's receipt agree with the facts?). `file` reads
and writes bundles on disk. `known_responders` says whose a key is; `share` sends a bundle to an
observatory; `ooni` exports one.
"""
