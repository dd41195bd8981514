"""Calls relayed by TURN servers that the user names (`check --turn`), to see whether they get through.

Read in this order: `turn_server` (URLs and credentials), `allocation` (one allocation, an engine),
`turn_carrier` (its messages on real sockets), `relayed_call` (both together), `relay_pool` (all of them, beside a
check's own sockets).
"""
