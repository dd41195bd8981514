"""Judges facts that have no twins: a recording, exchanges with the apps' own servers, routers, repeated checks.

Read order: `recorded_call` and `recorded_losses` (a recording), `endpoints` (an app's own hosts, and their messages),
`hops` (where on the path), `repeated` (many checks together), `joined_means` (several means about
one app).
"""
