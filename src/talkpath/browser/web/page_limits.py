"""Limits on what a page may send and hold: the size of its messages, its silence, its connections, its origin.

An open WebSocket holds a place in the queue. So it must come from the page of this server, its address block may hold
MAX_PER_BLOCK of them, and a page that falls silent or does not begin loses its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from talkpath.serving.blocks import BlockPlaces

MAX_MESSAGE_BYTES = 1 << 18  # twice the longest report of an epoch
MAX_QUEUED_BY_UVICORN = 4  # messages of one page
MAX_QUEUED, MAX_QUEUED_CHARACTERS = 64, MAX_MESSAGE_BYTES  # messages of one page that nobody has read yet
MAX_PAGE_SILENCE_S = 40.0  # pages send a ping four times a second, and give up after 30 s themselves (connection.js)
MAX_PAGE_START_S = 30.0  # from the welcome to the page's `start`; it loads a script of its own first, for 15 s at most
MAX_PAGES, MAX_PER_BLOCK = 200, 8
MAX_HOST_CHARACTERS = 300


def is_own_origin(headers: Mapping[str, str]) -> bool:
    """Whether a page of this server opened the WebSocket, by its headers Origin and Host (RFC 6455 section 10.2)."""
    host = headers.get("host", "")
    try:
        origin = urlsplit(headers.get("origin", ""))
    except ValueError:
        return False
    return bool(host) and origin.scheme in ("http", "https") and origin.netloc.lower() == host.lower()


def host_name(headers: Mapping[str, str]) -> str:
    """The name or address in the header Host, without port; "" if it is not valid."""
    host = headers.get("host", "")
    try:
        return (urlsplit(f"//{host}").hostname or "") if len(host) <= MAX_HOST_CHARACTERS else ""
    except ValueError:
        return ""


@contextmanager
def place_taken(places: BlockPlaces, host: str) -> Iterator[bool]:
    """Take a place for the block of code, and give whether there was one."""
    is_taken = places.take(host)
    try:
        yield is_taken
    finally:
        if is_taken:
            places.give_back(host)
