"""A forwarder of the tests' own between a check and its test server, on loopback: it holds packets back as it is told.

It shares nothing with the lab. Calls go to its address and leave from it; each 5-tuple has a socket of its own.
"""

from __future__ import annotations

import heapq
import selectors
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Literal

SERVER = "127.0.0.1"
Way = Literal["up", "down"]


@dataclass
class ForwardedFlow:
    """One 5-tuple, and how many packets like RTP's it had each way."""

    media: dict[Way, int] = field(default_factory=lambda: {"up": 0, "down": 0})


Act = Callable[[ForwardedFlow, Way, bytes], float | None]
"""How many seconds a packet like RTP's is held; None: it is dropped."""
Cut = Callable[[Way, bytes], Sequence[bytes]]
"""What is sent in place of a datagram."""


def whole(way: Way, data: bytes) -> Sequence[bytes]:
    """The datagram as it came."""
    return (data,)


class UdpForwarder:
    """Forwards these UDP ports and one TCP port of SERVER from `host` on, until it is closed."""

    def __init__(self, host: str, udp: Sequence[int], tcp: int, act: Act, cut: Cut = whole) -> None:
        self._host, self._act, self._cut, self._ended = host, act, cut, False
        self._selector = selectors.DefaultSelector()
        self._flows: dict[tuple[int, tuple[str, int]], socket.socket] = {}
        self._held: list[tuple[float, int, socket.socket, bytes, tuple[str, int] | None]] = []
        self._order = count()
        for port in udp:
            end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            end.bind((host, port))
            end.setblocking(False)
            self._selector.register(end, selectors.EVENT_READ, (port, None, None, None))
        self._listener = socket.create_server((host, tcp))
        self._threads = [threading.Thread(target=self._forward), threading.Thread(target=self._accept, args=(tcp,))]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> UdpForwarder:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def _forward(self) -> None:
        while not self._ended:
            wait_s = min(0.05, max(0.0, self._held[0][0] - time.monotonic())) if self._held else 0.05
            for key, _ in self._selector.select(wait_s):
                self._take(key.fileobj, *key.data)  # type: ignore[arg-type]
            while self._held and self._held[0][0] <= time.monotonic():
                self._send(*heapq.heappop(self._held)[2:])

    def _take(
        self,
        end: socket.socket,
        port: int,
        flow: ForwardedFlow | None,
        near: socket.socket | None,
        whom: tuple[str, int] | None,
    ) -> None:
        try:
            data, source = end.recvfrom(65536)
        except OSError:  # nothing there, or the server's port is closed
            return
        if flow is None:
            far = self._flows.get((port, source)) or self._open(port, source, end)
            flow = self._selector.get_key(far).data[1]
            for part in self._cut("up", data):
                self._pass(flow, "up", part, far, None)
        elif near is not None:
            for part in self._cut("down", data):
                self._pass(flow, "down", part, near, whom)

    def _open(self, port: int, source: tuple[str, int], near: socket.socket) -> socket.socket:
        far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        far.bind((self._host, 0))
        far.connect((SERVER, port))
        far.setblocking(False)
        self._selector.register(far, selectors.EVENT_READ, (port, ForwardedFlow(), near, source))
        self._flows[port, source] = far
        return far

    def _pass(
        self, flow: ForwardedFlow, way: Way, data: bytes, end: socket.socket, whom: tuple[str, int] | None
    ) -> None:
        held_s: float | None = 0.0
        if data and 128 <= data[0] < 192 and (len(data) < 2 or not 192 <= data[1] < 224):  # RTP and not RTCP (RFC 5761)
            flow.media[way] += 1
            held_s = self._act(flow, way, data)
        if held_s is None:
            return
        if held_s:
            heapq.heappush(self._held, (time.monotonic() + held_s, next(self._order), end, data, whom))
        else:
            self._send(end, data, whom)

    @staticmethod
    def _send(end: socket.socket, data: bytes, whom: tuple[str, int] | None) -> None:
        try:
            end.send(data) if whom is None else end.sendto(data, whom)
        except OSError:
            return

    def _accept(self, tcp: int) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection((SERVER, tcp), source_address=(self._host, 0))
            self._threads.append(threading.Thread(target=_join, args=(near, far), daemon=True))
            self._threads[-1].start()


def _join(near: socket.socket, far: socket.socket) -> None:
    """Copy both ways until both have ended."""
    with near, far:
        back = threading.Thread(target=_copy, args=(far, near), daemon=True)
        back.start()
        _copy(near, far)
        back.join()


def _copy(one: socket.socket, other: socket.socket) -> None:
    try:
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        other.close()
