"""Waits for many sockets at once, to the microsecond, at a cost that does not rise with their number.

`selectors` chooses the best way of the system. Two of these (epoll, kqueue) are files that can be waited for in
turn, to the microsecond (`await_ready`): Python's epoll rounds times up to milliseconds.
"""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable

from talkpath.serving.readiness import await_ready

READABLE, WRITABLE = selectors.EVENT_READ, selectors.EVENT_WRITE

Serve = Callable[[int], None]
"""Called with what its socket is ready for: READABLE, WRITABLE, or both."""


class ReadySockets:
    """Sockets, and who serves each once it is ready."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._own = [self._selector.fileno()] if hasattr(self._selector, "fileno") else []

    def watch(self, end: socket.socket, serve: Serve) -> None:
        """From now on call `serve` when the socket can be read."""
        self._selector.register(end, READABLE, serve)

    def await_writable(self, end: socket.socket, *, wanted: bool) -> None:
        """Whether to call its server when it can be written, too."""
        key = self._selector.get_key(end)
        events = READABLE | WRITABLE if wanted else READABLE
        if key.events != events:
            self._selector.modify(end, events, key.data)

    def forget(self, end: socket.socket) -> None:
        """No longer watch the socket, which is still open."""
        self._selector.unregister(end)

    def serve(self, timeout_s: float) -> bool:
        """Wait until a socket is ready, for that long at most, and call the servers of all that are. Was any ready?"""
        if self._own and timeout_s > 0.0:
            if not await_ready(self._own, (), timeout_s)[0]:
                return False
            timeout_s = 0.0
        ready = self._selector.select(timeout_s)
        for key, events in ready:
            key.data(events)
        return bool(ready)

    def close(self) -> None:
        """Give the system's file back."""
        self._selector.close()
