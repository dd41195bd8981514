"""Copies of captures that can be shared.

scrub        reads a capture and writes the copy
strip        what is left of a datagram; `bare` writes the packets of which nothing is
pseudonym    made-up addresses and hashes
"""
