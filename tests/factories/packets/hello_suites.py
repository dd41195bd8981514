"""The cipher suites of a TLS ClientHello, by which clients are told apart."""

from __future__ import annotations

import struct


def suites_of(record: bytes) -> tuple[int, ...]:
    """Its cipher suites in order, without reserved values (RFC 8701)."""
    at = 9 + 2 + 32
    at += 1 + record[at]
    size = int.from_bytes(record[at : at + 2], "big")
    every = struct.unpack(f"!{size // 2}H", record[at + 2 : at + 2 + size])
    return tuple(suite for suite in every if not (suite & 0x0F0F == 0x0A0A and suite >> 8 == suite & 0xFF))
