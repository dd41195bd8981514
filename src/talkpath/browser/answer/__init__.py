"""What a person is told after a check in a browser.

Read in this order: `calls_meaning` (what a result means for calls, and whose network it is), and `result_message`,
which adds what can be tried and puts all of it into the message that the page shows.
"""
