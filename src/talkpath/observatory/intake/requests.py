"""Refusals of the intake, and the bodies that it reads: bounded in size, in time, and in how many are read at once.

A refusal is an HTTP status, a code for programs, and a sentence for people.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from talkpath.errors import TalkpathError, UsageError, in_place_of
from talkpath.observatory.index.store import NEEDS
from talkpath.serving.connections import BlockPlaces

with in_place_of(ImportError, UsageError(NEEDS)):  # the first that `observe serve` needs and `make core` has not
    from starlette.requests import Request
    from starlette.types import Receive


class ReportRefusedError(TalkpathError):
    """The observatory refuses a request. `code` is one of REFUSALS and never changes its meaning."""

    def __init__(self, code: str, sentence: str = "", retry_after_s: int = 0) -> None:
        self.code, self.status, self.retry_after_s = code, REFUSALS[code][0], retry_after_s
        super().__init__(sentence or REFUSALS[code][1])

    @property
    def body(self) -> dict[str, str]:
        """The JSON object that is answered."""
        return {"error": str(self), "code": self.code}

    @property
    def headers(self) -> dict[str, str]:
        """Retry-After, where waiting helps."""
        return {"Retry-After": str(self.retry_after_s)} if self.retry_after_s else {}


REFUSALS: dict[str, tuple[int, str]] = {
    "bad_request": (400, "The request is not as spec tp-006 says."),
    "stopped": (403, "This observatory takes nothing from that country, to protect whoever measures there."),
    "not_found": (404, "There is no such report here, or the secret is another's."),
    "slow": (408, "The bundle came too slowly; send it again."),
    "too_large": (413, "The bundle is larger than any check's; nothing of it was read."),
    "media_type": (415, "Send a bundle as application/vnd.talkpath.bundle, and a tap as application/json."),
    "changed": (422, "The bundle does not verify."),
    "wrong_id": (422, "The bundle is not the one of that id: the id is the SHA-256 of its bytes."),
    "simulated": (422, "The bundle was made by the lab; this observatory takes what was measured on a real network."),
    "not_simulated": (422, "This observatory is SIMULATED and takes only what the lab made."),
    "known_run": (422, "That run was sent before, in another file; a run counts once."),
    "unknown_app": (422, "That is no app or medium that talkpath knows."),
    "offer": (422, "The offer does not verify."),
    "clock": (422, "This server's clock is wrong."),
    "replayed": (422, "A newer offer of this server came before this one."),
    "address": (422, "That host is none that everybody can reach; offer its public name or address."),
    "limited": (429, "So much came from this network that more is not taken now; send it again later."),
    "not_durable": (503, "Nothing was taken: the observatory cannot write; send it again later."),
    "busy": (503, "The observatory is busy; send it again later."),
}


BODY_S = 60.0
MOST_BODIES, MOST_BODIES_A_BLOCK = 64, 8
BUSY_RETRY_S = 5
Headers = Mapping[str, str]


def body_places() -> BlockPlaces:
    """Places for bodies that are being read, in all and by address block, so that slow senders fill neither the memory
    nor all places."""
    return BlockPlaces(MOST_BODIES, MOST_BODIES_A_BLOCK)


@contextmanager
def body_place(places: BlockPlaces, request: Request) -> Iterator[None]:
    """Hold a place while the body of a request is read; `ReportRefusedError` where there is none."""
    with places.held(sender_host(request)) as is_held:
        if not is_held:
            raise ReportRefusedError("busy", retry_after_s=BUSY_RETRY_S)
        yield


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
    with in_place_of(TimeoutError, ReportRefusedError("slow")):
        async with asyncio.timeout(BODY_S):
            return await _read_body(receive, most_bytes)


async def read_small_body(request: Request, places: BlockPlaces, media_type: str, most_bytes: int) -> bytes:
    """The body of a request, of that media type and of so many bytes at most, in one of the places."""
    require_type(request.headers, media_type)
    require_length(request.headers, most_bytes)
    with body_place(places, request):
        return await read_body(request.receive, most_bytes)


def sender_host(request: Request) -> str | None:
    """The address that the request came from, as uvicorn or its proxy names it."""
    return request.client.host if request.client else None


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
