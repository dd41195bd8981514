"""Claims: dated public statements about calls, and their test on measurements.

Read rows.py (the claims), grammar.py (their predicates), count.py (on how many networks does a proposition hold?),
ledger.py (the result, and the claims about an event); published.py has measurements of others.
"""
