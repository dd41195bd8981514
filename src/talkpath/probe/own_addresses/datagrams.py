"""What the questions to an app's own addresses have in common: the datagrams that they send, and the form of a stage.

A stage is an engine without socket and clock. Whoever runs it sends what `poll` returns, each number `local` from a
UDP port of its own, and tells it what came back: a datagram, or a router's message that the hops of a packet had run
out. One `local` belongs to one far address, so an answer names its 5-tuple.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple, Protocol

from talkpath.errors import WireError
from talkpath.wire.ip.address import Address
from talkpath.wire.rtc import stun

TRANSACTION = slice(4, 20)  # with the magic cookie or what stands in its place: an answer repeats all of it
STUN_GREETING_BYTES = stun.STUN_HEADER_BYTES


class Datagram(NamedTuple):
    """One datagram to send from local socket number `local`. `hops`: how many it may go, 0 for the system's own
    number."""

    local: int
    to: Address
    data: bytes
    hops: int = 0


class Stage(Protocol):
    """One part of the questions. `wake_s` is when `poll` has something to do next."""

    done: bool

    @property
    def wake_s(self) -> float:
        """When something is due next."""

    def poll(self, now_s: float) -> list[Datagram]:
        """Return what is due now."""

    def datagram(self, now_s: float, local: int, data: bytes) -> None:
        """Take a datagram that came back."""

    def exceeded(self, now_s: float, local: int, router: Address) -> None:
        """Take a router's message that the hops of a packet had run out."""

    def refused(self, now_s: float, local: int) -> None:
        """Take another ICMP error for a packet: a port or a host that cannot be reached."""


def make_greeting(rng: Random, *, classic: bool = False) -> bytes:
    """Return a STUN Binding Request without attributes; `classic` without the magic cookie, as RFC 3489 has it, which
    a server of today answers too (RFC 8489 section 11)."""
    request = stun.encode_message(stun.StunMessage(stun.Type.BINDING_REQUEST, rng.randbytes(12)))
    if not classic:
        return request
    first = rng.choice([value for value in range(256) if value != stun.COOKIE_BYTES[0]])
    return request[:4] + bytes((first,)) + rng.randbytes(15)


def is_answer(request: bytes, data: bytes) -> bool:
    """Whether a datagram is an answer to that greeting."""
    if len(data) < STUN_GREETING_BYTES or data[TRANSACTION] != request[TRANSACTION]:
        return False
    if request[4:8] != stun.COOKIE_BYTES:
        return data[:2] in (b"\x01\x01", b"\x01\x11")
    try:
        return stun.decode_message(data).type in (stun.Type.BINDING_RESPONSE, stun.Type.BINDING_ERROR)
    except WireError:
        return False
