"""Who may measure now, and who waits: a far end that carries too many checks is late, and late results are worthless.

Contract: at most `most` are inside. Who comes later is told its place, 1 being next, again whenever that changes, and
each AGAIN_S: so a page knows that it is not forgotten, and who left is noticed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

MOST_WAITING = 50
AGAIN_S = 10.0

TellPlace = Callable[[int], Awaitable[None]]


@dataclass(eq=False, slots=True)
class Waiting:
    """One who waits; `news` is set whenever its place changed."""

    news: asyncio.Event = field(default_factory=asyncio.Event)
    inside: bool = False


class Places:
    """The places of one far end."""

    def __init__(self, most: int) -> None:
        self._most, self._inside = most, 0
        self._waiting: list[Waiting] = []

    @property
    def full(self) -> bool:
        """Is even the queue full?"""
        return len(self._waiting) >= MOST_WAITING

    @asynccontextmanager
    async def taken(self, tell: TellPlace) -> AsyncIterator[None]:
        """Wait for a place, hold it for the block."""
        if self._inside >= self._most or self._waiting:
            await self._wait(tell)
        else:
            self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
            self._move()

    async def _wait(self, tell: TellPlace) -> None:
        one = Waiting()
        self._waiting.append(one)
        with ExitStack() as gone:
            gone.callback(self._leave, one)
            while not one.inside:
                one.news.clear()
                await tell(self._waiting.index(one) + 1)
                with suppress(TimeoutError):
                    await asyncio.wait_for(one.news.wait(), AGAIN_S)
            gone.pop_all()

    def _leave(self, one: Waiting) -> None:
        if one.inside:  # let in and gone at once: the place is the next one's
            self._inside -= 1
        else:
            self._waiting.remove(one)
        self._move()

    def _move(self) -> None:
        """Let in whom there is room for, and wake all whose place changed."""
        while self._waiting and self._inside < self._most:
            first = self._waiting.pop(0)
            self._inside += 1
            first.inside = True
            first.news.set()
        for one in self._waiting:
            one.news.set()
