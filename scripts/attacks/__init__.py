"""Attacks on running servers and on files, replayed by scripts/attack.py.

Read `stage` first: an attack, the servers that it is played against, and commands with limits. Then one file for each
surface: `bundles`, `recordings`, `responder`, `intake`, `check_page`, `relay`. Each has a list `ATTACKS`. Everything
happens on loopback addresses, in folders and network namespaces of its own, bounded in count and time.
"""
