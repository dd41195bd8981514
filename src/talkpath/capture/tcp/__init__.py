"""Media over TCP.

proxies           connections to a proxy of the person's own
reassembly        one direction of a connection: segments to packets
sealed_streams    TLS connections of no proven server that are steady as a call is
media_over_tcp    TURN, ICE-TCP and reflector framing
turn_over_tls     records of TLS connections to TURN servers
tls_cadence       which of those connections carry a call
"""
