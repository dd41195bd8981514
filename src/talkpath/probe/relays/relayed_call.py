"""One relayed call: an allocation at a TURN server, made by way of a carrier, and the call's packets through it.

One allocation at a TURN server (RFC 8656), and one channel through it to the test server: an engine.

    Allocate -> 401 with realm and nonce -> Allocate, authenticated -> ChannelBind -> ready

It has no socket and no clock. Over UDP requests are repeated as RFC 8489 section 6.2.1 says, for
`ALLOCATION_TIMEOUT_S`. What the server says is untrusted: whatever is no answer to the request that waits is ignored.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, field
from os import urandom
from typing import Final

from talkpath.errors import WireError
from talkpath.probe.relays.turn_carrier import TurnCarrier
from talkpath.probe.relays.turn_server import TurnCredentials, TurnServer
from talkpath.wire.ip.address import Address
from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import Attribute, Type, encode_with_integrity
from talkpath.wire.rtc.turn import FIRST_CHANNEL, from_channel, to_channel

ALLOCATION_TIMEOUT_S: Final = 6.0  # for all of it
FIRST_REPEAT_S: Final = 0.5
LIFETIME_S: Final = 60  # asked for; the server may give more
REQUESTED_UDP: Final = b"\x11\0\0\0"  # REQUESTED-TRANSPORT
REQUESTED_IPV6: Final = b"\x02\0\0\0"  # REQUESTED-ADDRESS-FAMILY
REQUESTED_FAMILY: Final = 0x0017
MOST_ANSWERS: Final = 8  # a server that asks for a new nonce again and again gets no further answer

UNAUTHORIZED, STALE_NONCE, FORBIDDEN = 401, 438, 403


@dataclass(slots=True)
class Allocation:
    """The life of one allocation. `outcome` is "" while it is being made, then "allocated", "silent", "unauthorized"
    (the credentials were refused), "forbidden" (it does not relay to the test server) or "denied" (any other error).

    `code` is the error's, 0 without one. `peer` is the test server's address with the port of the calls. `streams`:
    it is reached over TCP or TLS, so that nothing is repeated and messages are padded.
    """

    credentials: TurnCredentials
    peer: Address
    streams: bool
    outcome: str = ""
    code: int = 0
    took_s: float = 0.0
    wake_s: float = float("inf")
    _began_s: float = 0.0
    _request: bytes = field(default=b"", repr=False)
    _transaction: bytes = b""
    _method: int = Type.ALLOCATE_REQUEST
    _repeat_s: float = FIRST_REPEAT_S
    _realm: bytes = b""
    _nonce: bytes = field(default=b"", repr=False)
    _answers: int = 0
    _out: list[bytes] = field(default_factory=list, repr=False)

    def start(self, now_s: float) -> None:
        """Begin: the first request is due."""
        self._began_s = now_s
        self._ask(now_s, Type.ALLOCATE_REQUEST)

    def poll(self, now_s: float) -> None:
        """Repeat the request that waits, or give up."""
        if self.outcome or now_s < self.wake_s:
            return
        if now_s >= self._began_s + ALLOCATION_TIMEOUT_S:
            self._end(now_s, "silent")
        elif not self.streams:
            self._out.append(self._request)
            self._repeat_s *= 2.0
            self._wait(now_s)

    def out(self) -> list[bytes]:
        """The messages to send now."""
        out, self._out = self._out, []
        return out

    def receive(self, now_s: float, data: bytes) -> bytes | None:
        """Take one message of the server; the packet inside, if it is one from the test server."""
        if self.outcome == "allocated":
            return from_channel(data)
        if not self.outcome and stun.is_stun(data):
            try:
                message = stun.decode_message(data)
            except WireError:
                return None
            if message.transaction == self._transaction:
                self._take(now_s, message)
        return None

    def wrap(self, data: bytes) -> bytes:
        """A packet for the test server, as the TURN server takes it."""
        return to_channel(data, padded=self.streams)

    def release(self) -> bytes:
        """A Refresh that ends the allocation; b"" where there is none."""
        if self.outcome != "allocated":
            return b""
        return self._message(Type.REFRESH_REQUEST, urandom(12), [(Attribute.LIFETIME, bytes(4))])

    # -- requests ------------------------------------------------------------------------------------------------

    def _take(self, now_s: float, message: stun.StunMessage) -> None:
        self._answers += 1
        if message.type == self._method | 0x0100:
            if self._method == Type.ALLOCATE_REQUEST:
                self._ask(now_s, Type.CHANNEL_BIND_REQUEST)
            else:
                self._end(now_s, "allocated")
        elif message.type == self._method | 0x0110:
            self._refused(now_s, message)

    def _refused(self, now_s: float, message: stun.StunMessage) -> None:
        code = error_code(message)
        realm, nonce = message.get(Attribute.REALM), message.get(Attribute.NONCE)
        is_first = code == UNAUTHORIZED and not self._nonce
        if (is_first or code == STALE_NONCE) and nonce is not None and self._answers < MOST_ANSWERS:
            self._realm, self._nonce = realm or self._realm, nonce
            self._ask(now_s, self._method)
            return
        self.code = code
        words = {UNAUTHORIZED: "unauthorized", FORBIDDEN: "forbidden"}
        self._end(now_s, words.get(code, "denied"))

    def _ask(self, now_s: float, method: int) -> None:
        self._method, self._transaction, self._repeat_s = method, urandom(12), FIRST_REPEAT_S
        self._request = self._message(method, self._transaction, self._attributes(method))
        self._out.append(self._request)
        self._wait(now_s)

    def _wait(self, now_s: float) -> None:
        end_s = self._began_s + ALLOCATION_TIMEOUT_S
        self.wake_s = end_s if self.streams else min(end_s, now_s + self._repeat_s)

    def _end(self, now_s: float, outcome: str) -> None:
        self.outcome, self.took_s, self.wake_s = outcome, now_s - self._began_s, float("inf")

    def _attributes(self, method: int) -> list[tuple[int, bytes]]:
        if method == Type.CHANNEL_BIND_REQUEST:
            peer = stun.encode_xor_address(self.peer, self._transaction)
            channel = FIRST_CHANNEL.to_bytes(2, "big") + bytes(2)
            return [(Attribute.CHANNEL_NUMBER, channel), (Attribute.XOR_PEER_ADDRESS, peer)]
        attributes = [(int(Attribute.REQUESTED_TRANSPORT), REQUESTED_UDP)]
        attributes += [(REQUESTED_FAMILY, REQUESTED_IPV6)] if self.peer.family == 6 else []
        return [*attributes, (Attribute.LIFETIME, LIFETIME_S.to_bytes(4, "big"))]

    def _message(self, method: int, transaction: bytes, attributes: list[tuple[int, bytes]]) -> bytes:
        """The request: with integrity once realm and nonce are known."""
        if not self._nonce:
            return stun.encode_message(stun.StunMessage(method, transaction, tuple(attributes)))
        user = self.credentials.user.encode()
        login = [(Attribute.USERNAME, user), (Attribute.REALM, self._realm), (Attribute.NONCE, self._nonce)]
        key = hashlib.md5(b":".join((user, self._realm, self.credentials.password.encode())), usedforsecurity=False)
        return encode_with_integrity(stun.StunMessage(method, transaction, (*attributes, *login)), key.digest())


def error_code(message: stun.StunMessage) -> int:
    """The number in an ERROR-CODE attribute (RFC 8489 section 14.8); 0 without one."""
    value = message.get(Attribute.ERROR_CODE) or b""
    return (value[2] & 7) * 100 + min(value[3], 99) if len(value) >= 4 else 0


class RelayedCall:
    """A call to `peer`, the test server. `setup_bytes` are the IP bytes (up, down) until the outcome was known."""

    def __init__(
        self, server: TurnServer, carrier: TurnCarrier, credentials: TurnCredentials, peer: Address, now_s: float
    ) -> None:
        self.server, self.carrier = server, carrier
        self.setup_bytes: tuple[int, int] | None = None
        self._allocation = Allocation(credentials, peer, streams=server.transport != "udp")
        self._began_s, self._asked_s = now_s, float("inf")
        self.poll(now_s)

    @property
    def outcome(self) -> str:
        """Whether there is an allocation: the word of `Allocation` or of `turn_carrier`, "" while that is not known."""
        return self._allocation.outcome or self.carrier.failed

    @property
    def code(self) -> int:
        """The error code of the server, 0 without one."""
        return self._allocation.code

    @property
    def took_s(self) -> float:
        """How long it took to connect and to allocate."""
        return self._asked_s - self._began_s + self._allocation.took_s if self.outcome == "allocated" else 0.0

    @property
    def wake_s(self) -> float:
        """When `poll` has something to do next."""
        if self.outcome:
            return float("inf")
        return min(self._began_s + ALLOCATION_TIMEOUT_S, self._allocation.wake_s)

    def poll(self, now_s: float) -> None:
        """Ask as soon as the carrier is ready, repeat what was not answered, or give up."""
        if not self.outcome and self._asked_s == float("inf") and self.carrier.ready:
            self._asked_s = now_s
            self._allocation.start(now_s)
        self._allocation.poll(now_s)
        for message in self._allocation.out():
            self.carrier.send(message)
        if not self.outcome and now_s >= self._began_s + ALLOCATION_TIMEOUT_S:
            self.carrier.failed = "silent" if self.carrier.ready else "timeout"
        if self.outcome and self.setup_bytes is None:
            self.setup_bytes = self.carrier.bytes_sent, self.carrier.bytes_received

    def writable(self, now_s: float) -> None:
        """The carrier's socket can be written to."""
        self.carrier.flush()
        self.poll(now_s)

    def read(self, now_s: float) -> list[bytes]:
        """The packets of the call that came."""
        found = [self._allocation.receive(now_s, message) for message in self.carrier.receive()]
        self.poll(now_s)
        return [packet for packet in found if packet is not None]

    def send(self, packet: bytes) -> bool:
        """Send one packet of the call; whether it left. What a stream that has ended would carry counts as lost."""
        if self.outcome != "allocated":
            return False
        return self.carrier.send(self._allocation.wrap(packet)) or self.server.transport != "udp"

    def close(self) -> None:
        """End the allocation, and close the socket."""
        if release := self._allocation.release():
            self.carrier.send(release)
        with suppress(OSError):
            self.carrier.socket.close()
