"""Reads the messages of one page: answers its pings, queues the rest, and ends when the page leaves or falls silent.

Messages wait as the text that they came as, since a list of empty lists takes thirty times as much once it is decoded.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from talkpath.browser.web.page_limits import MAX_MESSAGE_BYTES, MAX_PAGE_SILENCE_S, MAX_QUEUED, MAX_QUEUED_CHARACTERS

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
        self._texts: asyncio.Queue[str] = asyncio.Queue(MAX_QUEUED)
        self._queued_characters = 0

    async def next(self) -> dict[str, Any]:
        """Wait for the next message."""
        text = await self._texts.get()
        self._queued_characters -= len(text)
        message = parse_message(text)
        assert message is not None  # else it would not have been queued
        return message

    async def read(self) -> None:
        """Read until the page leaves, is silent for SILENT_S, or sends what is no message or too many of them."""
        from starlette.websockets import WebSocketDisconnect

        with suppress(WebSocketDisconnect, TimeoutError, asyncio.QueueFull):
            while await self._take(await self._receive()):
                pass

    async def _take(self, text: str) -> bool:
        """Answer a ping, let another message wait; False if it is no message."""
        message = parse_message(text)
        if message is None:
            return False
        if message["type"] == "ping":
            await self._socket.send_json({"type": "pong", "number": message.get("number")})
        else:
            self._queue(text)
        return True

    def _queue(self, text: str) -> None:
        """Let it wait. `QueueFull` if too much waits already."""
        if self._queued_characters + len(text) > MAX_QUEUED_CHARACTERS:
            raise asyncio.QueueFull
        self._texts.put_nowait(text)
        self._queued_characters += len(text)

    async def _receive(self) -> str:
        """The next text; "" for what is none, or longer than any of a page."""
        from starlette.websockets import WebSocketDisconnect

        async with asyncio.timeout(MAX_PAGE_SILENCE_S):
            event = await self._socket.receive()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code", 1000))
        text = event.get("text") or ""
        return text if len(text) <= MAX_MESSAGE_BYTES else ""
