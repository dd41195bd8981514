"""The directory of test servers (spec/tp-011): their signed list, and which of them a check asks.

Read in this order:

- `listed_server` one test server as a list names it;
- `server_list` the list: signed, and read within its bounds;
- `directory_link` where a list is, and whose key signs it;
- `seen_lists` the newest list that this machine has seen of each directory;
- `fetch` brings the list in, from an observatory, a mirror, a file or a text;
- `choice` which servers are tried, in which order; `tries` a check with the first one that answers;
- `offer` how a server gets into a directory, and `registration` how its offer is renewed.

Contract: a directory can only name test servers or leave them out. Nothing that it says is part of a verdict.
"""
