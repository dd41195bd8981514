"""What a process that serves strangers needs: tasks that are started again, and limits for each address block.

Read in this order: `supervisor`, `blocks`, `connections`. The observatory and the page for phones use it.
"""
