"""The directory of test servers (spec/tp-011): their signed list, and where a check finds it.

Read in this order:

- `listed_server` one test server as a list names it;
- `server_list` the list: signed, and read within its bounds;
- `directory_link` where a list is, and whose key signs it;
- `seen_lists` the newest list that this machine has seen of each directory;
- `fetch` brings the list in, from an observatory, a mirror, a file or a text.

Contract: a directory can only name test servers or leave them out. Nothing that it says is part of a verdict.
"""
