"""Simulates the path between two hosts: hosts, links, address translators, routers, streams. Pure and seeded.

Read `link` first (a direction: delay, queue, packet filters), then `headers`, `nat`, `routers`, `hosts`, and `stream`
(TCP in virtual time).
"""
