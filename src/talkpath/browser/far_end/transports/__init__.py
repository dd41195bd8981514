"""What a flow is on the wire: one UDP port, the calls and twins that share it, and the clock by which they send.

Read in this order: `shared_port` with its clock; `webrtc_flow`, which drives an engine of `browser.webrtc`, the call's
above all; `data_channel_twin` where there is no WebTransport; the usual twins, which are `webtransport_twin` with
`quic_server` and `datagram_packets`.
"""
