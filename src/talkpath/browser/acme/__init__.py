"""A certificate that browsers trust, asked for and renewed by this server (ACME, RFC 8555; challenge http-01)."""
