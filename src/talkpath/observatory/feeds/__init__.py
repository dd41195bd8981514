"""Publishes events: a journal of what was published and when, an Atom feed, and webhooks.

journal.py   every event as it was published, changed and withdrawn; never rewritten
webhook.py   signed deliveries to addresses that the operator named, tried again until they arrive
publish.py   puts events into all of them; an Atom document (RFC 4287) of what may be published
"""
