"""The directory of test servers that an observatory keeps (spec/tp-011).

Read in this order:

- `server_table` what is known of each offered server, in SQLite beside the log, and what the page of them shows;
- `registrar` what becomes of an offer, which tests are due, which servers are listed: no socket, no clock;
- `outside_test` one test of a server from this side, in a process of its own;
- `running` the tasks that test and publish; `routes` the addresses, and their OpenAPI.
"""
