"""Simulates the path between two hosts: hosts, links, address translators, routers, streams. Pure and seeded.

Read `link` first (hosts; a direction: delay, queue, packet filters), then `headers`, `nat`, `routers`, and `stream`
(TCP in virtual time).
"""
