"""Codecs of real-time calls: STUN, TURN, RTP, DTLS, and Telegram's reflectors.

Read `stun`, `turn` (which wraps other packets), `rtp`, `dtls`, then
`reflector`.
"""
