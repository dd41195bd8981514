"""Reads the bodies of requests: bounded in size, in time, and in how many are read at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from starlette.types import Receive

from talkpath.observatory.intake.refusal import ReportRefusedError
from talkpath.serving.blocks import BlockPlaces

BODY_S = 60.0
MOST_BODIES, MOST_BODIES_A_BLOCK = 64, 8
BUSY_RETRY_S = 5
Headers = Mapping[str, str]


class BodySlots:
    """Counts the bodies that are being read, in all and by address block, so that slow senders fill neither the memory
    nor all places."""

    def __init__(self, most: int = MOST_BODIES, most_a_block: int = MOST_BODIES_A_BLOCK) -> None:
        self._places = BlockPlaces(most, most_a_block)

    @contextmanager
    def slot(self, host: str | None) -> Iterator[None]:
        """Hold a place while a body from that address is read; `ReportRefusedError` where there is none."""
        if not self._places.take(host):
            raise ReportRefusedError("busy", retry_after_s=BUSY_RETRY_S)
        try:
            yield
        finally:
            self._places.give_back(host)


def require_type(headers: Headers, media_type: str) -> None:
    """Refuse a body of another media type."""
    if headers.get("content-type", "").partition(";")[0].strip().lower() != media_type:
        raise ReportRefusedError("media_type")


def require_length(headers: Headers, most_bytes: int) -> None:
    """Refuse a body whose Content-Length is larger than allowed."""
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > most_bytes:
        raise ReportRefusedError("too_large")


async def read_body(receive: Receive, most_bytes: int) -> bytes:
    """Read the whole body within a minute; `ReportRefusedError` where it is larger than allowed or too slow."""
    try:
        async with asyncio.timeout(BODY_S):
            return await _read_body(receive, most_bytes)
    except TimeoutError:
        raise ReportRefusedError("slow") from None


async def _read_body(receive: Receive, most_bytes: int) -> bytes:
    parts, size_bytes, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ReportRefusedError("bad_request", "The sender went away before the end.")
        part = message.get("body", b"")
        parts.append(part)
        size_bytes += len(part)
        if size_bytes > most_bytes:
            raise ReportRefusedError("too_large")
        more = message.get("more_body", False)
    return b"".join(parts)
