"""Limits how many checks run at once, since a far end with too many is late and late results are void.

Contract: at most `limit` are admitted. Whoever waits is told its place (1 is next) at first, at each change, and every
TELL_AGAIN_S; so the page knows that it still waits, and a page that left is noticed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

MAX_WAITING = 50
TELL_AGAIN_S = 10.0

TellPlace = Callable[[int], Awaitable[None]]


@dataclass(eq=False, slots=True)
class Waiter:
    """One page that waits; `changed` is set whenever its place changed."""

    changed: asyncio.Event = field(default_factory=asyncio.Event)
    is_admitted: bool = False


class AdmissionQueue:
    """The queue of one server, whatever the number of its far ends."""

    def __init__(self, limit: int) -> None:
        self._limit, self._admitted = limit, 0
        self._waiting: list[Waiter] = []

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether nobody more may wait."""
        return len(self._waiting) >= MAX_WAITING

    @asynccontextmanager
    async def admitted(self, tell: TellPlace) -> AsyncIterator[None]:
        """Wait until admitted, and stay so for the block."""
        if self._admitted >= self._limit or self._waiting:
            await self._wait(tell)
        else:
            self._admitted += 1
        try:
            yield
        finally:
            self._admitted -= 1
            self._advance()

    async def _wait(self, tell: TellPlace) -> None:
        waiter = Waiter()
        self._waiting.append(waiter)
        with ExitStack() as on_failure:
            on_failure.callback(self._leave, waiter)
            while not waiter.is_admitted:
                waiter.changed.clear()
                await tell(self._waiting.index(waiter) + 1)
                with suppress(TimeoutError):
                    await asyncio.wait_for(waiter.changed.wait(), TELL_AGAIN_S)
            on_failure.pop_all()

    def _leave(self, waiter: Waiter) -> None:
        if waiter.is_admitted:  # admitted and gone at the same moment: the place is free again
            self._admitted -= 1
        else:
            self._waiting.remove(waiter)
        self._advance()

    def _advance(self) -> None:
        """Admit as many as there is room for, and wake all whose place changed."""
        while self._waiting and self._admitted < self._limit:
            first = self._waiting.pop(0)
            self._admitted += 1
            first.is_admitted = True
            first.changed.set()
        for waiter in self._waiting:
            waiter.changed.set()
