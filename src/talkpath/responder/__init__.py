"""The consenting far end: an engine without sockets, and its driver on real ones. Read in this order:

- `limits` what a responder gives, and what it says of itself;
- `shared` what all sessions share; `session` the conversation on one control connection, `session_epochs` its epochs,
  `accompanied_calls` the calls of its user beside which control traffic runs (`control_flows`);
- `responder` all sessions of one responder, and the datagrams of all of them; `layout_queue` lays epochs out;
- `flight` one epoch's packets; `flight_table` all epochs that run;
- `receipts` what a responder signs at the end; `geoip` which network and country an address belongs to;
- `driver` the engine on real sockets; `sockets` how they are opened; `tcp_peers` all TCP connections, and how it waits
  for all sockets, `tcp_peer` one;
- `doctor` which ports can be opened here.
"""
