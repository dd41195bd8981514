"""What a person is told after a check in a browser.

Read in this order: `vpn_condition` (under which condition a result holds), `calls_meaning` (what it means for calls),
`network_operator` (whose network it is), and `result_message`, which adds what can be tried and puts all of it
into the message that the page shows.
"""
