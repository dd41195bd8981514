"""Media over TCP.

proxies           connections to a proxy of the person's own
reassembly        one direction of a connection: segments to packets
media_over_tcp    TURN, ICE-TCP and reflector framing
turn_over_tls     records of TLS connections to TURN servers
tls_cadence       which of those connections carry a call
"""
