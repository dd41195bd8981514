"""The app's relay on real sockets: it forwards datagrams between callers and the callee, and counts what reaches it.

The callee listens on the relay's own host, because the lab has one network under test: that between caller and relay.
Like the servers of real apps the relay answers a STUN Binding Request without a user name by anybody; like some it
does not. Everything else goes to the callee, each caller's from a socket of its own.
"""

from __future__ import annotations

import signal
import socket
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from talkpath.errors import WireError
from talkpath.serving.supervisor import await_ready
from talkpath.wire.ip.address import Address
from talkpath.wire.rtc import stun

SocketAddress = tuple[Any, ...]

CALLERS = 256  # at once; of further ones nothing is forwarded
MAX_FORWARDED_BYTES = 65536


class Forwarder:
    """The relay's sockets. `counts` are datagrams that reached it from the network: "stun" (answered or not),
    "forwarded", "other" (with no callee, or from too many callers), and "bytes" of all."""

    def __init__(self, ports: Sequence[int], callee: tuple[str, int] | None, *, greets: bool = True) -> None:
        self.counts: Counter[str] = Counter()
        self._callee, self._greets = callee, greets
        self._fronts = [listening_socket(family, port) for port in ports for family in ip_families()]
        self._backs: dict[tuple[socket.socket, SocketAddress], socket.socket] = {}
        self._callers: dict[socket.socket, tuple[socket.socket, SocketAddress]] = {}

    def step(self, wait_s: float) -> None:
        """Waits at most so long, and forwards what came."""
        readable, _ = await_ready([*self._fronts, *self._callers], (), wait_s)
        for sock in readable:
            if sock in self._callers:
                self._from_callee(sock)
            else:
                self._from_caller(sock)

    def close(self) -> None:
        """Closes every socket."""
        for sock in [*self._fronts, *self._callers]:
            sock.close()

    def _from_caller(self, front: socket.socket) -> None:
        with suppress(OSError):
            data, caller = front.recvfrom(MAX_FORWARDED_BYTES)
            self.counts["bytes"] += len(data)
            if is_greeting(data):
                self.counts["stun"] += 1
                if self._greets:
                    front.sendto(greeting_answer(data, caller), caller)
            elif (back := self._back(front, caller)) is not None:
                self.counts["forwarded"] += 1
                back.send(data)
            else:
                self.counts["other"] += 1

    def _from_callee(self, back: socket.socket) -> None:
        with suppress(OSError):  # the callee does not listen yet
            front, caller = self._callers[back]
            front.sendto(back.recv(MAX_FORWARDED_BYTES), caller)

    def _back(self, front: socket.socket, caller: SocketAddress) -> socket.socket | None:
        """The socket towards the callee for that caller."""
        if self._callee is None:
            return None
        back = self._backs.get((front, caller))
        if back is None and len(self._backs) < CALLERS:
            back = socket.socket(socket.AF_INET6 if ":" in self._callee[0] else socket.AF_INET, socket.SOCK_DGRAM)
            back.connect(self._callee)
            self._backs[front, caller], self._callers[back] = back, (front, caller)
        return back


def ip_families() -> list[socket.AddressFamily]:
    """The IP families of this system."""
    return [socket.AF_INET, *([socket.AF_INET6] if socket.has_dualstack_ipv6() else [])]


def listening_socket(family: socket.AddressFamily, port: int) -> socket.socket:
    """A UDP socket on that port of every address of the family."""
    sock = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind(("", port))
    return sock


def is_greeting(data: bytes) -> bool:
    """Whether it is a Binding Request of somebody without a user name (RFC 8489), as anyone may send it."""
    try:
        message = stun.decode_message(data) if stun.is_stun(data) else None
    except WireError:
        return False
    if message is None or message.type != stun.Type.BINDING_REQUEST:
        return False
    return not {stun.Attribute.USERNAME, stun.Attribute.MESSAGE_INTEGRITY} & {kind for kind, _ in message.attributes}


def greeting_answer(data: bytes, caller: SocketAddress) -> bytes:
    """The Binding Response: the address that the request came from."""
    request = stun.decode_message(data)
    mapped = stun.encode_xor_address(Address.of(caller[0], caller[1]), request.transaction)
    attributes = ((stun.Attribute.XOR_MAPPED_ADDRESS, mapped),)
    return stun.encode_message(stun.StunMessage(stun.Type.BINDING_RESPONSE, request.transaction, attributes))


class Stop:
    """Notes that this process was asked to end (SIGTERM, SIGINT)."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: object) -> None:
        self.asked = True
