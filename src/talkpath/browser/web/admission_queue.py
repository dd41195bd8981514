"""Limits how many checks run at once, since a far end with too many is late and late results are void.

Contract: at most `limit` are admitted. Whoever waits is told its place (1 is next) at first, at each change, and every
TELL_AGAIN_S; so the page knows that it still waits, and a page that left is noticed. Address blocks take turns, and
where the queue is full the block with most pages in it gives way: a few blocks cannot keep everybody else out.

Limits on what a page may send and hold: the size of its messages, its silence, its connections, its origin.

An open WebSocket holds a place in the queue. So it must come from the page of this server, its address block may hold
MAX_PER_BLOCK of them, and a page that falls silent or does not begin loses its place.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from operator import attrgetter, itemgetter
from urllib.parse import urlsplit

from talkpath.serving.connections import host_block

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


def crowded_block(blocks: Iterable[bytes], newcomer: bytes) -> bytes | None:
    """The block with most places of those that are taken, one of which goes to a newcomer's block; None where that
    block would then have no fewer."""
    sizes = Counter(blocks)
    largest, size = max(sizes.items(), key=itemgetter(1), default=(newcomer, 0))
    return largest if size > sizes[newcomer] + 1 else None


MAX_WAITING = 50
TELL_AGAIN_S = 10.0

TellPlace = Callable[[int], Awaitable[None]]


class QueueFullError(Exception):
    """There is no place for a page, or none any more."""


@dataclass(eq=False, slots=True)
class Waiter:
    """One page that waits, of an address block; `changed` is set whenever its place changed."""

    block: bytes
    turn: int
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    is_admitted: bool = False
    gives_way: bool = False


class AdmissionQueue:
    """The queue of one server, whatever the number of its far ends."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._admitted = 0
        self._waiting: list[Waiter] = []
        self._turn = 0  # of who was admitted last
        self._last_turns: dict[bytes, int] = {}  # the last that a page of each block was given

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @asynccontextmanager
    async def admitted(self, tell: TellPlace, host: str = "") -> AsyncIterator[None]:
        """Wait until the page from `host` is admitted, and stay so for the block of code. `QueueFullError`."""
        block = host_block(host)
        if self._admitted >= self._limit or self._waiting:
            await self._wait(tell, block)
        else:
            self._admitted += 1
            self._turn = self._next_turn(block)
        try:
            yield
        finally:
            self._admitted -= 1
            self._advance()

    async def _wait(self, tell: TellPlace, block: bytes) -> None:
        if len(self._waiting) >= MAX_WAITING:
            self._make_room(block)
        waiter = Waiter(block, self._next_turn(block))
        self._waiting.append(waiter)
        self._waiting.sort(key=attrgetter("turn"))
        with ExitStack() as on_failure:
            on_failure.callback(self._leave, waiter)
            while not waiter.is_admitted:
                if waiter.gives_way:
                    raise QueueFullError
                waiter.changed.clear()
                await tell(self._waiting.index(waiter) + 1)
                with suppress(TimeoutError):
                    await asyncio.wait_for(waiter.changed.wait(), TELL_AGAIN_S)
            on_failure.pop_all()

    def _make_room(self, block: bytes) -> None:
        """Have the newest page of the block with most of them give way; `QueueFullError` where that block is no larger
        than the newcomer's would be."""
        crowded = crowded_block((waiter.block for waiter in self._waiting), block)
        if crowded is None:
            raise QueueFullError
        last = next(waiter for waiter in reversed(self._waiting) if waiter.block == crowded)
        self._waiting.remove(last)
        last.gives_way = True
        last.changed.set()

    def _next_turn(self, block: bytes) -> int:
        """A block's turn: after its last one, and not before the turn that is now."""
        self._last_turns = {one: turn for one, turn in self._last_turns.items() if turn >= self._turn}
        self._last_turns[block] = turn = max(self._last_turns.get(block, -1) + 1, self._turn)
        return turn

    def _leave(self, waiter: Waiter) -> None:
        if waiter.is_admitted:  # admitted and gone at the same moment: the place is free again
            self._admitted -= 1
        elif not waiter.gives_way:
            self._waiting.remove(waiter)
        self._advance()

    def _advance(self) -> None:
        """Admit as many as there is room for, and wake all whose place changed."""
        while self._waiting and self._admitted < self._limit:
            first = self._waiting.pop(0)
            self._admitted += 1
            self._turn = first.turn
            first.is_admitted = True
            first.changed.set()
        for waiter in self._waiting:
            waiter.changed.set()
