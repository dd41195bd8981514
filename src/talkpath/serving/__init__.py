"""What a process that serves strangers needs: tasks that run on, limits for each address block, logs without addresses.

Read in this order: `supervisor`, `jobs`, `connections`, `private_logs`. The observatory and the page for phones use
it.
"""
