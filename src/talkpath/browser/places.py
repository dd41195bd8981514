"""Who may measure now, and who waits: a far end that carries too many checks is late, and late results are worthless.

Contract: at most `most` are inside. Who comes later is told its place, 1 being next, and again whenever that changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

MOST_WAITING = 50

TellPlace = Callable[[int], Awaitable[None]]
Waiting = tuple[asyncio.Event, TellPlace]


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
            await self._move()

    async def _wait(self, tell: TellPlace) -> None:
        entry = (asyncio.Event(), tell)
        self._waiting.append(entry)
        async with AsyncExitStack() as gone:
            gone.push_async_callback(self._leave, entry)
            await tell(len(self._waiting))
            await entry[0].wait()
            gone.pop_all()

    async def _leave(self, entry: Waiting) -> None:
        if entry in self._waiting:
            self._waiting.remove(entry)
        else:  # let in and gone at once: the place is the next one's
            self._inside -= 1
            await self._move()

    async def _move(self) -> None:
        """Let in whom there is room for, and tell the others."""
        moved = False
        while self._waiting and self._inside < self._most:
            event, _ = self._waiting.pop(0)
            self._inside += 1
            event.set()
            moved = True
        for place, (_, tell) in enumerate(self._waiting, 1) if moved else ():
            await tell(place)
