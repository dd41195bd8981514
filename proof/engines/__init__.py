"""Calls of real engines, recorded in namespaces of their own, and what `talkpath capture` says of them.

Read `cases` first (which calls), then `record` (how one is recorded), `truth` and `score`. `ends/` drives the engines,
`path` is the network between them, `facts` tells what a new release of an engine changed on the wire, and `golden`
makes the small recordings that the default tests hold.
"""
