"""Finds the packets of a call's flows among all frames, one by one and cheaply.

A frame of a flow holds its two addresses and ports one behind the other, whatever link layer is around them: twelve
bytes in IPv4 without options, 36 in IPv6 without extension headers.
"""

from __future__ import annotations

from collections.abc import Iterable

from talkpath.wire.ip.address import Address

LOOKED_AT_BYTES = 160
"""So many bytes of a frame are searched: link headers, IP and UDP."""
SHORTEST_PAYLOAD_BYTES = 8


class CallPackets:
    """The UDP flows that are followed now."""

    def __init__(self) -> None:
        self._needles: tuple[tuple[bytes, bool], ...] = ()

    def follow(self, flows: Iterable[tuple[Address, Address]]) -> None:
        """Follow these flows, each as (local end, far end), and no others."""
        needles = []
        for near, far in flows:
            ports = near.port.to_bytes(2, "big"), far.port.to_bytes(2, "big")
            needles.append((near.packed + far.packed + ports[0] + ports[1], True))
            needles.append((far.packed + near.packed + ports[1] + ports[0], False))
        self._needles = tuple(needles)

    def find(self, frame: memoryview) -> tuple[bool, int] | None:
        """Return (whether it was sent, bytes of its UDP payload) of a frame of one of the flows."""
        if not self._needles:
            return None
        head = bytes(frame[:LOOKED_AT_BYTES])
        for needle, sent in self._needles:
            at = head.find(needle)
            if at >= 0:
                length = int.from_bytes(head[at + len(needle) : at + len(needle) + 2], "big")
                return (sent, length - 8) if length >= SHORTEST_PAYLOAD_BYTES else None
        return None
