"""Sets a datagram's hop limit, and reads Time Exceeded messages from the ancillary data of Linux's error queue.

`hops_note` is what `sendmsg` takes beside a datagram; `RECEIVE` enables a socket's error queue, `queued_errors` reads
it, and `router_of` parses the notes beside an error. Nothing here opens a socket. Linux alone has such a queue:
`error_queue_missing` returns "" there, elsewhere a sentence.
Sources: ip(7), ipv6(7), linux/errqueue.h; RFC 792, RFC 4443.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterator
from typing import Any, Final

from talkpath.wire.ip.address import Address, Kind

IS_LINUX: Final = sys.platform in ("linux", "android")
"""Whether the kernel is Linux: Python calls that of a phone "android" since version 3.13."""


Note = tuple[int, int, bytes]

MSG_ERRQUEUE: Final = 0x2000
BYTES: Final = 512
_IP_TTL, _IP_RECVERR = 2, 11
_IPV6_RECVERR, _IPV6_HOPLIMIT = 25, 52
_ERROR = struct.Struct("=IBBBBII")  # struct sock_extended_err: errno, origin, type, code, padding, info, data
_EXCEEDED: Final = {(2, 11, 0), (3, 3, 0)}  # origin, type, code: ICMP's and ICMPv6's "hops exceeded in transit"
_ICMP_ORIGINS: Final = (2, 3)

RECEIVE: Final = {4: (socket.IPPROTO_IP, _IP_RECVERR), 6: (socket.IPPROTO_IPV6, _IPV6_RECVERR)}


def error_queue_missing() -> str:
    """Return "" if this system supports it, else one sentence."""
    if IS_LINUX:
        return ""
    return "Finding the place on the path needs Linux, at both ends; run talkpath locate on a Linux machine."


def hops_note(family: int, hops: int) -> Note:
    """Return the ancillary data that limits one datagram over IPv4 (`family` 4) or IPv6 to so many hops."""
    value = struct.pack("@i", hops)
    return (socket.IPPROTO_IP, _IP_TTL, value) if family == 4 else (socket.IPPROTO_IPV6, _IPV6_HOPLIMIT, value)


def queued_errors(end: socket.socket, most: int) -> Iterator[tuple[list[Note], Any]]:
    """Yield the notes of each error that waits on a socket, at most so many, and to where its datagram was sent."""
    for _ in range(most):
        try:
            _, notes, _, sockaddr = end.recvmsg(1, BYTES, MSG_ERRQUEUE)
        except OSError:
            return
        yield notes, sockaddr


def waiting_datagrams(end: socket.socket, most: int) -> Iterator[tuple[bytes, Any]]:
    """Yield the datagrams that wait on a socket and the socket address that each came from, at most so many. An ICMP
    error for an earlier packet is passed over: that one was lost."""
    for _ in range(most):
        try:
            yield end.recvfrom(2048)
        except BlockingIOError:
            return
        except OSError:
            continue


def router_of(notes: list[Note]) -> Kind | None:
    """Return the kind of router that sent Time Exceeded; None for any other error."""
    router = exceeded_by(notes)
    return None if router is None else router.kind


def exceeded_by(notes: list[Note]) -> Address | None:
    """Return the router that sent Time Exceeded; None for any other error."""
    for data in _errors(notes):
        _, origin, kind, code, *_ = _ERROR.unpack_from(data)
        if (origin, kind, code) in _EXCEEDED:
            return _offender_address(data[_ERROR.size :])
    return None


def from_network(notes: list[Note]) -> bool:
    """Return whether an error came as an ICMP message, and not from this system itself."""
    return any(_ERROR.unpack_from(data)[1] in _ICMP_ORIGINS for data in _errors(notes))


def _errors(notes: list[Note]) -> list[bytes]:
    return [
        data for level, number, data in notes if (level, number) in RECEIVE.values() and len(data) >= _ERROR.size + 8
    ]


def _offender_address(sockaddr: bytes) -> Address:
    """Return the address in a struct sockaddr_in or sockaddr_in6."""
    (family,) = struct.unpack_from("@H", sockaddr)
    return Address(sockaddr[4:8] if family == socket.AF_INET else sockaddr[8:24])
