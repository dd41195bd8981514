"""Captured frames to datagrams, flows and rows of packets that may be media."""
