"""Drivers of the lab: the same check in virtual time, in Linux network namespaces, or on sockets of 127.0.0.1.

Read `run` first (one check with each driver). `sim` is virtual time. `netns` and `loopback` start real programs
(`program`) and forward packets in a process of its own (`service`, `delivery`): netns with `namespace` and
`router`, loopback with `splice`.
"""
