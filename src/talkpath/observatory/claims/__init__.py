"""Claims: dated public statements about calls, and their test on measurements.

Read rows.py (the claims), grammar.py (their predicates), networks.py (does a proposition hold on one network?),
count.py (on how many?), ledger.py (the result); published.py has measurements of others, event_context.py the claims
about an event, text.py the terminal.
"""
