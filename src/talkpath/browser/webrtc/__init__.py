"""The far end's engine of WebRTC calls: no sockets and no clock, datagrams and the time in, datagrams out.

Read in this order: `session_description` (what a page offers, and the answer), `ice_agent` (connectivity checks),
`dtls_association` (keys), `secure_transport` (both together, for a call or a data channel), `call_media`, and
`call_engine`, which puts them together.
"""
