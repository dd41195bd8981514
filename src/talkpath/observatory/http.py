"""HTTP as the observatory speaks it: uvicorn's protocol over llhttp.

llhttp costs less than h11, and sets no limit to the lines before a body: one is set here. What is written in one turn
of the loop leaves as one packet: an answer's lines and its body are two calls of the system otherwise.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD_BYTES = 64 << 10  # beyond the packet that they begin in
TOGETHER_BYTES = 64 << 10


class Protocol(HttpToolsProtocol):
    """One connection."""

    _in_head, _head_bytes = True, 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Of asyncio."""
        super().connection_made(_Together(transport, self.loop))  # type: ignore[arg-type]

    def data_received(self, data: bytes) -> None:
        """Of asyncio."""
        before = self._in_head
        super().data_received(data)
        if before and self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The lines before the body are too long.")

    def on_message_begin(self) -> None:
        """Of llhttp."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Of llhttp."""
        self._in_head = False
        super().on_headers_complete()

    def handle_websocket_upgrade(self) -> None:
        """Of uvicorn: the connection is another's from here on."""
        self.transport = self.plain()
        super().handle_websocket_upgrade()

    def plain(self) -> asyncio.Transport:
        """The transport itself, for what is one write already; what waits to be written goes first."""
        return self.transport.plain()  # type: ignore[attr-defined,no-any-return]


class _Together:
    """A transport whose writes wait for the end of the turn."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._parts: list[bytes] = []
        self._size_bytes = 0

    def write(self, data: bytes) -> None:
        """Of a transport."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)
        self._size_bytes += len(data)
        if self._size_bytes > TOGETHER_BYTES:
            self._flush()

    def close(self) -> None:
        """Of a transport."""
        self._flush()
        self._transport.close()

    def plain(self) -> asyncio.Transport:
        """The transport itself, with nothing left here."""
        self._flush()
        return self._transport

    def _flush(self) -> None:
        if self._parts:
            self._transport.write(b"".join(self._parts))
            self._parts.clear()
            self._size_bytes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
