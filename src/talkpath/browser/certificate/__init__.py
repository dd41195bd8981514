"""The TLS certificate of the page: ordered from an ACME authority (RFC 8555), stored, renewed, and reloaded.

Read in this order: `stored_certificate` (the files on disk, and their renewal), `authority` (the order, through
the package `acme`), `challenge` (the web server that answers the challenge http-01).
"""
