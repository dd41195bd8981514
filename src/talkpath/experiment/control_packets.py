"""The packets of control traffic beside a call of the user's own (spec/tp-005, "Control traffic beside a call").

Each looks like random bytes. The first 16 are a tag, which tells flow, direction and number of the packet to whoever
knows the session key; the next 8 carry the responder's nonce, or its echo. What a call sent or received decides when
they leave and how long they are, so neither end can lay them out before: each knows the tags of the packets that may
come next.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from talkpath.apps.contract.shape import Direction
from talkpath.experiment.seeds import derive_bytes

TAG_BYTES, NONCE_BYTES = 16, 8
LEAST_BYTES, MOST_BYTES = TAG_BYTES + NONCE_BYTES, 1472
"""Shorter packets of a call are imitated by packets of LEAST_BYTES. MOST_BYTES fill a packet of 1500 bytes over IPv4:
what looks longer left in several packets, or came in several that were put together before they were seen."""
WINDOW = 512
"""So many packets after the latest one are known."""
LAG_MS = 500.0
"""What the call received is sent back so much later: the pattern has to reach the responder first."""
MOST_FLOWS, MOST_PACKETS = 8, 200_000
"""Of one call; packets of one flow and direction."""
MAX_CONTROL_CONNECTIONS = 64
"""So many 5-tuples the flows of one call go over, one after another."""
NO_NONCE = bytes(NONCE_BYTES)

Owner = TypeVar("Owner")
Tags = MutableMapping[bytes, tuple[Owner, int, int]]
"""Tag -> (whose it is, flow, number of the packet)."""


def control_key(session_key: bytes, number: int) -> bytes:
    """Return the key of the control traffic beside one call."""
    return derive_bytes(session_key, "control", number)


def packet_tag(key: bytes, flow: int, direction: Direction, number: int) -> bytes:
    """Return the first bytes of a packet."""
    place = struct.pack("!BBI", flow, direction == "down", number)
    return hashlib.blake2b(place, key=key, digest_size=TAG_BYTES).digest()


def imitated_size(size: int) -> int:
    """Return the length of a control packet for a packet of the call."""
    return min(max(size, LEAST_BYTES), MOST_BYTES)


def control_datagram(first: bytes, nonce: bytes, size: int, draw: Callable[[int], bytes]) -> bytes:
    """Return a packet with that tag and nonce; without a nonce there are random bytes in its place."""
    field_bytes = draw(NONCE_BYTES) if nonce == NO_NONCE else nonce
    return first + field_bytes + draw(max(size - LEAST_BYTES, 0))


def nonce_of(data: bytes) -> bytes:
    """Return the bytes where a packet carries a nonce."""
    return data[TAG_BYTES:LEAST_BYTES]


@dataclass(slots=True)
class ExpectedTags(Generic[Owner]):
    """The tags that may come in one direction: of each flow WINDOW packets after the latest, and as many before it."""

    tags: Tags[Owner]
    owner: Owner
    key: bytes
    direction: Direction
    flows: int
    _known: list[tuple[int, int]] = field(init=False)

    def __post_init__(self) -> None:
        self._known = [(0, 0)] * self.flows
        for flow in range(self.flows):
            self.came(flow, -1)

    def came(self, flow: int, number: int) -> None:
        """A packet came: expect those after it."""
        first, end = self._known[flow]
        later = max(min(number + 1 + WINDOW, MOST_PACKETS), end)
        for fresh in range(end, later):
            self.tags[packet_tag(self.key, flow, self.direction, fresh)] = self.owner, flow, fresh
        earlier = max(later - 2 * WINDOW, first)
        self._drop(flow, first, earlier)
        self._known[flow] = earlier, later

    def forget(self) -> None:
        """Expect nothing any more."""
        for flow, (first, end) in enumerate(self._known):
            self._drop(flow, first, end)

    def _drop(self, flow: int, first: int, end: int) -> None:
        for number in range(first, end):
            self.tags.pop(packet_tag(self.key, flow, self.direction, number), None)


@dataclass(slots=True)
class PacketBits:
    """Which packets of a flow were sent, or came: a bitmap that grows."""

    bits: bytearray = field(default_factory=bytearray)

    def add(self, number: int) -> bool:
        """Mark a packet; return whether it was marked for the first time."""
        byte, bit = divmod(number, 8)
        if byte >= len(self.bits):
            self.bits.extend(bytes(byte + 1 - len(self.bits)))
        fresh = not self.bits[byte] >> bit & 1
        self.bits[byte] |= 1 << bit
        return fresh


def is_marked(bits: bytes, number: int) -> bool:
    """Tell whether a packet is marked in a bitmap."""
    byte, bit = divmod(number, 8)
    return byte < len(bits) and bool(bits[byte] >> bit & 1)
