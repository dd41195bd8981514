"""The far end of a check in a browser, in a process of its own: it answers calls and twins, keeps time, and counts.

Read in this order: `far_end_group` and `far_end_process` (they start it), `check_session` (one check), `epoch_run` (one
epoch's flows), and `schedule` (the order drawn from the seed). Then the transports: `shared_port`, `send_clock`,
`webrtc_call` (whose engine is `browser.webrtc`), `peer_connection`, `quic_server`, `webtransport_twin` and
`datagram_packets`. Then how counts become facts: `epoch_report`, `arrivals`, `epoch_facts`, `exclusions` and
`call_paths`.
"""
