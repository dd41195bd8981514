"""Follows a stream of packets while calls are made in it (`talkpath listen`).

Read in this order:

- `packet_streams` where the bytes come from: a file, a pipe, a network interface;
- `followed_stream` hands the bytes to the reader of captures, and shows what `capture.live` sees in them meanwhile,
  and keeps them; it tells when a person's one call is over;
- `control_traffic_scheduler` runs control traffic beside the calls that are seen and finds their packets,
  `control_traffic_session` is this end of a session with a test server, on real sockets, `control_run` the traffic
  beside one call and its clock, `control_facts` what came of it.
"""
