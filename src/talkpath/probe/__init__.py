"""The measuring end: engines without sockets, and their drivers on real ones. Two independent halves:

A check with a responder. Read in this order:

- `invite_link` where a responder is found;
- `session` the conversation with it (engine); `epochs` what runs between two messages; `flight` one epoch's packets;
- `validate` what a responder says, checked before it is believed;
- `driver` the session on real sockets, those of datagrams among them; `control_connection`, `stream` the others;
- `local_network` this machine's own address, and whether a VPN is in the way.

Questions to an app's own servers (`talkpath endpoints`): `endpoint_catalogue` which servers (listed in `data/`),
`endpoint_engine` what is asked when, `endpoint_driver` the same on real sockets.
"""
