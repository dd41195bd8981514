"""What a flow is on the wire: one UDP port, the calls and twins that share it, and the clock by which they send.

Read in this order: `shared_port` and `send_clock`; `webrtc_call`, whose engine is `browser.webrtc`; the twins, that is
`webtransport_twin` with `quic_server` and `datagram_packets`, and `peer_connection` where there is no WebTransport.
"""
