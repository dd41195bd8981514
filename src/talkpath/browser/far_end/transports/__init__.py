"""What a flow is on the wire: one UDP port, the calls and twins that share it, and the clock by which they send.

Read in this order: `shared_port` and `send_clock`; `webrtc_flow`, which drives an engine of `browser.webrtc`;
`webrtc_call`, and `data_channel_twin` where there is no WebTransport; the usual twins, which are `webtransport_twin`
with `quic_server` and `datagram_packets`.
"""
