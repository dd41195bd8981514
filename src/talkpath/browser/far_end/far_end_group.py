"""All far ends of one server: one process for each UDP port, and no more of them than there are cores.

A check stays with one far end, whose port its page is told. A new check goes to the far end that has most room; where
none has room, checks wait in one queue (`web.admission_queue`).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from talkpath.browser.far_end.far_end_process import FarEnd, FarEndKeeper
from talkpath.serving.supervisor import Supervisor

AT_A_TIME = 4  # checks that one far end carries; docs/how-to/check-in-a-browser.md has the measurement


class FarEndPlaces:
    """The places of checks at the far ends that run. `each` has so many."""

    def __init__(self, running: Callable[[], Sequence[FarEnd]], each: int = AT_A_TIME) -> None:
        self._running, self._each = running, each
        self._taken: Counter[int] = Counter()  # by the port of the control connection

    @property
    def taken(self) -> int:
        """How many checks run."""
        return self._taken.total()

    @property
    def is_served(self) -> bool:
        """Whether any far end runs."""
        return bool(self._running())

    @contextmanager
    def one(self) -> Iterator[FarEnd | None]:
        """A place at the far end that has most room, for the block; None where there is none."""
        found = min(self._running(), key=lambda each: self._taken[each.control], default=None)
        if found is None or self._taken[found.control] >= self._each:
            yield None
            return
        self._taken[found.control] += 1
        try:
            yield found
        finally:
            self._taken[found.control] -= 1
            self._taken += Counter()  # forgets those that ended


class FarEndGroup:
    """The far ends of one server, through all their restarts."""

    def __init__(self, host: str, ports: Sequence[int], cores: int | None = None) -> None:
        self.ports = tuple(ports)[: cores or os.cpu_count() or 1]
        self._keepers = [FarEndKeeper(host, port) for port in self.ports]

    @property
    def at_a_time(self) -> int:
        """How many checks they carry together."""
        return AT_A_TIME * len(self._keepers)

    def running(self) -> list[FarEnd]:
        """Those that run now."""
        return [keeper.current for keeper in self._keepers if keeper.current is not None]

    async def start(self) -> None:
        """Start all of them. `UsageError` if a UDP port is taken."""
        try:
            for keeper in self._keepers:
                await keeper.start()
        except BaseException:  # cancelled too: no process and no port is left behind
            await self.stop()
            raise

    def keep(self, supervisor: Supervisor) -> None:
        """Have each started again whenever it ends."""
        for keeper in self._keepers:
            name = "The far end of browsers' calls"
            supervisor.start(name if len(self._keepers) == 1 else f"{name} at UDP {keeper.port}", keeper.run)

    async def stop(self) -> None:
        """End all of them."""
        for keeper in self._keepers:
            await keeper.stop()
