"""Group commit: writes everything that waits as one group, so that many records share one sync of the disk.

A thread of its own takes all that is waiting, writes it as one group, and tells everybody who waits. While many come,
groups begin at least 30 ms apart, and so become larger.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from time import monotonic, sleep
from typing import NamedTuple

from talkpath.observatory.log.log import Log, LogEntry
from talkpath.observatory.log.records import Record
from talkpath.serving.supervisor import write_place

MAX_COMMITTED_TOGETHER = 512  # records of a group
CROWD, APART_S = 5, 0.03  # groups of so many begin no sooner after each other: the larger, the cheaper for each
OnGroup = Callable[[int], None]


class _Waiting(NamedTuple):
    """What is to be written, and who hears whether it is new."""

    entry: LogEntry
    future: Future[bool]


class Committer:
    """Takes records from any thread (`submit`) or an event loop (`wait`); each is told whether it is new (false: it was
    there already), or gets `LogError`. One caller that gives up keeps no other from being told.

    `on_group` is called with the size of each group once it is on the disk.
    """

    def __init__(self, log: Log, on_group: OnGroup = lambda count: None) -> None:
        self._log, self._on_group = log, on_group
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def submit(self, record: Record, data: bytes = b"") -> Future[bool]:
        """Take this from any thread; the result is there once it is durable."""
        future: Future[bool] = Future()
        self._queue.put(_Waiting(LogEntry(record, data), future))
        return future

    async def wait(self, record: Record, data: bytes = b"") -> bool:
        """Take this, and return once it is durable."""
        return await asyncio.wrap_future(self.submit(record, data))

    def close(self) -> None:
        """Write what waits, and end the thread."""
        self._queue.put(None)
        self._thread.join()

    @property
    def running(self) -> bool:
        """Whether the thread that writes is alive."""
        return self._thread.is_alive()

    def _run(self) -> None:
        crowded, began_s = False, 0.0
        while (first := self._queue.get()) is not None:
            if crowded:
                sleep(max(began_s + APART_S - monotonic(), 0.0))
            began_s = monotonic()
            group, ended = self._gather(first)
            try:
                self._commit(group)
            # Those who wait were told by then; if this thread ended, all later ones would wait for ever.
            except Exception as error:  # noqa: BLE001
                write_place(error)
            if ended:
                return
            crowded = len(group) >= CROWD

    def _gather(self, first: _Waiting) -> tuple[list[_Waiting], bool]:
        """All that waits already, at most MOST; and whether the end was among it."""
        group = [first]
        while len(group) < MAX_COMMITTED_TOGETHER:
            try:
                following = self._queue.get_nowait()
            except Empty:
                break
            if following is None:
                return group, True
            group.append(following)
        return group, False

    def _commit(self, group: list[_Waiting]) -> None:
        try:
            taken = self._log.commit([waiting.entry for waiting in group])
        # Whatever it is, a bug too: this is the only thread that could tell those who wait, and the next group may go.
        except Exception as error:  # noqa: BLE001
            _tell_group(group, [error] * len(group))
            return
        _tell_group(group, taken)
        self._on_group(len(group))


def _tell_group(group: Sequence[_Waiting], outcomes: Sequence[bool | Exception]) -> None:
    for waiting, outcome in zip(group, outcomes, strict=True):
        if not waiting.future.set_running_or_notify_cancel():
            continue  # nobody waits for it any more
        if isinstance(outcome, Exception):
            waiting.future.set_exception(outcome)
        else:
            waiting.future.set_result(outcome)
