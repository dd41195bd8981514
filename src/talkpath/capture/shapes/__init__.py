"""Makes the shape of a call from recordings of it (`apps/recorded/` has the record, and says what stays).

recorded_flow    the packets of one flow of a recording, whole
evidence         what the packets of a flow show together: streams, elements of RTP headers, alphabets
stun_fields      the fields of a STUN or TURN message; dtls_fields of DTLS records, rtp_fields of RTP and RTCP
hello_fields     the fields of hellos and certificates; quic_fields those of QUIC's headers
packet_fields    opens what carries others, and asks these
unknown_fields   the fields of packets of no known protocol, by evidence
shape_setup      set-up as request and reply
shape_blocks     blocks of sizes and gaps
make_shape       all of it

Each imports only those above it.
"""
