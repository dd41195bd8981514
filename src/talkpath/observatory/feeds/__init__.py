"""What an observatory tells others of its events: a journal of what it said and when, an Atom feed, and webhooks.

journal.py   every event as it was told, changed and taken back; never rewritten
atom.py      an Atom document (RFC 4287)
told.py      the journal's entries as feed entries, as far as they may be published
webhook.py   signed deliveries to addresses that the operator named, tried again until they arrive
"""
