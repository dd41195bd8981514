"""The far end of a check in a browser: calls, twins, counting, in a process of its own."""
