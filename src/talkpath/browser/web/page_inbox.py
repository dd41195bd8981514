"""Reads the messages of one page: answers its pings, queues the rest, and ends when the page leaves or falls silent."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from talkpath.browser.web.page_limits import MAX_MESSAGE_BYTES, MAX_QUEUED, SILENT_S

if TYPE_CHECKING:
    from starlette.websockets import WebSocket


def parse_message(text: str) -> dict[str, Any] | None:
    """The JSON object that the text is, with a `type`; None if it is no message."""
    try:
        message = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    return message if isinstance(message.get("type"), str) else None


class PageInbox:
    """The messages of one page that are not pings, in order."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MAX_QUEUED)

    async def next(self) -> dict[str, Any]:
        """Wait for the next message."""
        return await self._messages.get()

    async def read(self) -> None:
        """Read until the page leaves, is silent for SILENT_S, or sends what is no message or too many of them."""
        from starlette.websockets import WebSocketDisconnect

        with suppress(WebSocketDisconnect, TimeoutError, asyncio.QueueFull):
            while (message := await self._receive()) is not None:
                if message["type"] == "ping":
                    await self._socket.send_json({"type": "pong", "number": message.get("number")})
                else:
                    self._messages.put_nowait(message)

    async def _receive(self) -> dict[str, Any] | None:
        from starlette.websockets import WebSocketDisconnect

        async with asyncio.timeout(SILENT_S):
            event = await self._socket.receive()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code", 1000))
        text = event.get("text")
        return parse_message(text) if text and len(text) <= MAX_MESSAGE_BYTES else None
