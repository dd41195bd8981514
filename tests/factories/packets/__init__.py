"""Packets, calls on the wire and the files that hold them, made here or read without `src`."""
