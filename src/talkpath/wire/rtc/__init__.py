"""Codecs of real-time calls: STUN, TURN, RTP, DTLS, and Telegram's reflectors."""
