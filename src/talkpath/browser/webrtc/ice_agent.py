"""The ICE agent of one call: it answers the browser's connectivity checks, and proves addresses by checks of its own.

This end is controlled (RFC 8445): it gathers nothing, and the browser's addresses are learnt from its checks. Media
goes to an address only after a check of this end's was answered from it, and for CONSENT_S after the last such answer
(RFC 7675), so that a page cannot direct media at somebody else. An address that has proven nothing gets one check for
each datagram of its own and none by the clock: whoever forges addresses gets hardly more out of this end than he puts
in.

    request of the browser -> response, and a check of this end's where the address is not proven, or long ago
    response of the browser -> the address is proven
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from talkpath.browser.webrtc.session_description import HOST_PRIORITY, Credentials
from talkpath.errors import WireError
from talkpath.wire.ip.address import Address
from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type, encode_with_integrity, is_sealed

FIRST_WAIT_S, TRIES = 0.25, 6  # of a check: each wait is twice the one before
RENEW_S, CONSENT_S = 4.0, 30.0
MAX_ADDRESSES = 16
NEVER_DUE_S = float("inf")
MAPPED_IPV4_PREFIX = bytes(10) + b"\xff\xff"  # IPv4 in IPv6 (RFC 4291 section 2.5.5.2)

SocketAddress = tuple[Any, ...]
"""An address that a datagram came from, as its socket gives it: (host, port, ...)."""

Draw = Callable[[int], bytes]


@dataclass(slots=True)
class ConnectivityCheck:
    """A check of this end's that waits for its answer."""

    transaction: bytes
    tries: int
    due_s: float


class IceAgent:
    """The agent. `selected` is where media goes; `wake_s` is when `poll` has a check to repeat."""

    def __init__(self, own: Credentials, browser: Credentials, draw: Draw = os.urandom) -> None:
        self._own, self._browser, self._draw = own, browser, draw
        self._tie_breaker = draw(8)
        self._known: set[SocketAddress] = set()
        self._proven: dict[SocketAddress, float] = {}  # when an answer came last
        self._checks: dict[SocketAddress, ConnectivityCheck] = {}
        self._nominated: SocketAddress | None = None
        self.selected: SocketAddress | None = None

    @property
    def wake_s(self) -> float:
        """When the next check is to be repeated."""
        return min((check.due_s for check in self._checks.values()), default=NEVER_DUE_S)

    def knows(self, source: SocketAddress) -> bool:
        """Whether the browser sent a check from there."""
        return source in self._known

    def has_consent(self, source: SocketAddress, now_s: float) -> bool:
        """Whether that address was proven, and not too long ago."""
        return now_s - self._proven.get(source, -NEVER_DUE_S) < CONSENT_S

    def receive(self, now_s: float, data: bytes, source: SocketAddress) -> list[bytes]:
        """Take a STUN message; return what is to be sent back."""
        try:
            message = stun.decode_message(data)
        except WireError:
            return []
        if message.type == Type.BINDING_REQUEST:
            return self._answer(now_s, data, message, source)
        if message.type == Type.BINDING_RESPONSE:
            self._prove(now_s, data, message, source)
        return []

    def _answer(self, now_s: float, data: bytes, request: StunMessage, source: SocketAddress) -> list[bytes]:
        wanted = f"{self._own.fragment}:{self._browser.fragment}".encode()
        if request.get(Attribute.USERNAME) != wanted or not is_sealed(data, self._own.password.encode()):
            return []
        if source not in self._known and len(self._known) >= MAX_ADDRESSES:
            return []
        self._known.add(source)
        if request.get(Attribute.USE_CANDIDATE) is not None:
            self._nominated = source
            self._select()
        return [self._response(request, source), *self._checked(now_s, source)]

    def check_again(self, now_s: float, source: SocketAddress) -> list[bytes]:
        """A check of an address that sent something else and is not proven yet: the one before may have been lost."""
        return [] if source in self._proven else self._checked(now_s, source)

    def _response(self, request: StunMessage, source: SocketAddress) -> bytes:
        mapped = stun.encode_xor_address(_told_address(source), request.transaction)
        return encode_with_integrity(
            StunMessage(Type.BINDING_RESPONSE, request.transaction, ((Attribute.XOR_MAPPED_ADDRESS, mapped),)),
            self._own.password.encode(),
        )

    def _checked(self, now_s: float, source: SocketAddress) -> list[bytes]:
        """A check of that address, if it needs one; the same as before, where that was not answered."""
        if source not in self._proven:
            check = self._checks.setdefault(source, ConnectivityCheck(self._draw(12), TRIES, NEVER_DUE_S))
            return [self._request(check.transaction)]
        if source in self._checks or now_s - self._proven[source] < RENEW_S:
            return []
        self._checks[source] = check = ConnectivityCheck(self._draw(12), 1, now_s + FIRST_WAIT_S)
        return [self._request(check.transaction)]

    def _request(self, transaction: bytes) -> bytes:
        name = f"{self._browser.fragment}:{self._own.fragment}".encode()
        attributes = (
            (Attribute.USERNAME, name),
            (Attribute.PRIORITY, HOST_PRIORITY.to_bytes(4, "big")),
            (Attribute.ICE_CONTROLLED, self._tie_breaker),
        )
        return encode_with_integrity(
            StunMessage(Type.BINDING_REQUEST, transaction, attributes), self._browser.password.encode()
        )

    def _prove(self, now_s: float, data: bytes, response: StunMessage, source: SocketAddress) -> None:
        check = self._checks.get(source)
        if check is None or check.transaction != response.transaction:
            return
        if is_sealed(data, self._browser.password.encode()):
            del self._checks[source]
            self._proven[source] = now_s
            self._select()

    def _select(self) -> None:
        """Media goes to the address that the browser nominated, once that is proven; before, to any that is."""
        if self._nominated is not None and self._nominated in self._proven:
            self.selected = self._nominated
        elif self.selected is None:
            self.selected = next(iter(self._proven), None)

    def poll(self, now_s: float) -> list[tuple[bytes, SocketAddress]]:
        """Repeat the checks that are due, and give up those that were repeated often enough."""
        sent = []
        for source, check in list(self._checks.items()):
            if check.due_s > now_s:
                continue
            if check.tries >= TRIES:
                del self._checks[source]
                continue
            check.due_s = now_s + FIRST_WAIT_S * 2**check.tries
            check.tries += 1
            sent.append((self._request(check.transaction), source))
        return sent


def _told_address(source: SocketAddress) -> Address:
    """The address that the browser has to be told: of IPv4 that a socket of IPv6 took, the IPv4 address."""
    address = Address.of(source[0], source[1])
    return Address(address.packed[12:], address.port) if address.packed[:12] == MAPPED_IPV4_PREFIX else address
