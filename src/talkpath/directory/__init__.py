"""The directory of test servers (spec/tp-011): their signed list, and which of them a check asks.

Read in this order:

- `listed_server` one test server as a list names it, at a host that everybody can reach;
- `server_list` the list: where it is, whose key signs it, and how it is read within its bounds;
- `fetch` brings the list in, from an observatory, a mirror, a file or a text, and knows the newest one seen;
- `choice` which servers are tried, in which order, and a check with the first one that answers;
- `offer` how a server gets into a directory, and how its offer is renewed.

Contract: a directory can only name test servers or leave them out. Nothing that it says is part of a verdict.
"""
