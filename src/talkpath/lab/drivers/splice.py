"""One TCP connection of the loopback driver: accepted here and opened again to the far end, with the network between.

The two connections are real; the effects of the network on TCP are modelled by `stream` (a handshake, segments,
retransmissions), which is given the bytes that arrive. A handshake that the network drops ends as a reset; a real one
would end as silence.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from collections.abc import Callable

from talkpath.apps.contract.shape import Direction
from talkpath.lab.path.stream import HalfStream, Scheduler, TcpHandshake
from talkpath.wire.ip.address import Address

_READ_BYTES = 1 << 16
_RESET_ON_CLOSE = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)  # struct linger

SocketCallbacks = dict[socket.socket, Callable[[], None]]


class Splice:
    """Both directions of one connection. `near` was accepted; `dial` opens the far one, non-blocking."""

    def __init__(
        self,
        scheduler: Scheduler,
        ends: tuple[Address, Address],
        near: socket.socket,
        dial: Callable[[], socket.socket],
    ) -> None:
        self.scheduler, self._ends, self._dial = scheduler, ends, dial
        self._sockets = [near]
        self._halves: list[_Half] = []
        self.closed = False
        TcpHandshake(scheduler, ends, self._opened, self.reset)

    def _opened(self) -> None:
        try:
            far = self._dial()
        except OSError:
            self.reset()
            return
        (near,), (source, target) = self._sockets, self._ends
        self._sockets.append(far)
        self._halves = [
            _Half(self, "up", (source, target), near, far),
            _Half(self, "down", (target, source), far, near),
        ]

    def readers(self) -> SocketCallbacks:
        """The callback of each socket that is read."""
        return {half.source: half.read for half in self._halves if not half.ended and not self.closed}

    def writers(self) -> SocketCallbacks:
        """The callback of each socket that has bytes to send."""
        return {half.target: half.write for half in self._halves if half.waiting and not self.closed}

    def close_if_done(self) -> None:
        """Closes both sockets when both ends have received everything."""
        if all(half.done for half in self._halves):
            self.close()

    def reset(self) -> None:
        """Ends both connections with a reset."""
        for end in self._sockets:
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.close()

    def close(self) -> None:
        """Closes both sockets."""
        self.closed = True
        for end in self._sockets:
            end.close()


class _Half:
    """One direction: bytes from `source` go through the network to `target`."""

    def __init__(
        self,
        splice: Splice,
        direction: Direction,
        ends: tuple[Address, Address],
        source: socket.socket,
        target: socket.socket,
    ) -> None:
        self.source, self.target = source, target
        self._splice = splice
        self._stream = HalfStream(splice.scheduler, direction, ends, self._deliver, splice.reset, encrypted=False)
        self.waiting = bytearray()  # to be sent to the target
        self._in_flight = 0
        self.ended = False  # the source has sent everything
        self.done = False  # and the target has received it

    def read(self) -> None:
        """The source can be read."""
        if self._splice.closed:
            return
        try:
            data = self.source.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self._splice.reset()
            return
        self.ended = not data
        self._in_flight += len(data)
        self._stream.write(data)
        self._finish()

    def _deliver(self, data: bytes) -> None:
        self._in_flight -= len(data)
        self.waiting += data
        self.write()

    def write(self) -> None:
        """The target may take bytes."""
        if self._splice.closed:
            return
        try:
            while self.waiting:
                del self.waiting[: self.target.send(self.waiting)]
        except BlockingIOError:
            return
        except OSError:
            self._splice.reset()
            return
        self._finish()

    def _finish(self) -> None:
        if self.ended and not self._in_flight and not self.waiting and not self.done:
            self.done = True
            with contextlib.suppress(OSError):  # the peer has closed it
                self.target.shutdown(socket.SHUT_WR)
            self._splice.close_if_done()
