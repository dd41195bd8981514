"""The probe's UDP sockets, one a local port, and the ICMP errors that routers send for packets with limited hops."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from talkpath.probe.flight import ProbePacket
from talkpath.wire.ip import error_queue
from talkpath.wire.ip.address import Address

MOST_READS = 64  # of one socket before others get their turn
PROBE_BUFFER_BYTES = 1 << 19


class DatagramSockets:
    """Sockets towards one far end, opened when first needed and known by their numbers."""

    def __init__(self, far: Address) -> None:
        self._far, self._host = far, far.reveal()[0]
        self._sockets: dict[int, socket.socket] = {}
        self._limited: dict[socket.socket, int] = {}  # those that sent packets with limited hops, and their numbers

    def sockets(self) -> list[socket.socket]:
        """All open sockets, to be read from."""
        return list(self._sockets.values())

    def send(self, packet: ProbePacket) -> None:
        """Send one datagram. `OSError` where the system does not: a full buffer, no route, a firewall here."""
        end = self._socket(packet.local)
        if packet.hops:
            if end not in self._limited:
                end.setsockopt(*error_queue.RECEIVE[self._far.family], 1)
                self._limited[end] = packet.local
            note = error_queue.hops_note(self._far.family, packet.hops)
            end.sendmsg([packet.data], [note], 0, (self._host, packet.port))
        else:
            end.sendto(packet.data, (self._host, packet.port))

    def limited(self, end: int | socket.socket) -> bool:
        """Whether errors may wait on this socket. An error of an earlier datagram would be taken for the next one's."""
        found = self._sockets.get(end) if isinstance(end, int) else end
        return found in self._limited

    def errors(self, end: int | socket.socket) -> Iterator[tuple[int, int, str]]:
        """(socket number, far port, kind of router) of each message that a packet's hops had run out."""
        found = self._sockets[end] if isinstance(end, int) else end
        for _ in range(MOST_READS):
            try:
                _, notes, _, sockaddr = found.recvmsg(1, error_queue.BYTES, error_queue.MSG_ERRQUEUE)
            except OSError:
                return
            if (router := error_queue.router_of(notes)) is not None:
                yield self._limited[found], sockaddr[1], router

    @staticmethod
    def datagrams(end: socket.socket) -> Iterator[bytes]:
        """The datagrams that wait on a socket. An ICMP error for an earlier packet is passed over: it was lost."""
        for _ in range(MOST_READS):
            try:
                data = end.recv(2048)
            except BlockingIOError:
                return
            except OSError:
                continue
            yield data

    def close(self) -> None:
        """Close all sockets."""
        for end in self._sockets.values():
            end.close()

    def _socket(self, number: int) -> socket.socket:
        end = self._sockets.get(number)
        if end is None:
            family = socket.AF_INET if self._far.family == 4 else socket.AF_INET6
            end = self._sockets[number] = socket.socket(family, socket.SOCK_DGRAM)
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PROBE_BUFFER_BYTES)
        return end
