"""The intake: bundles, taps and withdrawals over HTTP (spec/tp-006).

Read routes.py (HTTP), then collector.py (what is taken and refused), requests.py (bodies, refusals), contributors.py,
openapi.py and metrics.py.

Contract: nothing is acknowledged that is not on the disk. What is refused is refused by one sentence and a code, and
costs little. The address of a sender becomes a pseudonym of the day and a network at once, and is not kept. A bundle is
judged by another process (judging/), never here.
"""
