"""Copies of captures that can be shared.

scrub        reads a capture and writes the copy, and the packets of which nothing is left
strip        what is left of a datagram
pseudonym    made-up addresses and hashes
"""
