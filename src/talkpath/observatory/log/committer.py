"""Group commit: whoever waits for the disk waits together.

A thread of its own takes all that is waiting, writes it as one group, and wakes everybody. The busier it is, the more
share one sync.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue

from talkpath.observatory.log.log import Entry, Log
from talkpath.observatory.log.records import Record

MOST = 512  # records of a group
Hear = Callable[[int], None]
_Waiting = tuple[Entry, "Future[bool]"]


class Committer:
    """`submit` from any thread; the future tells whether it was taken (false: it was there already), or `LogError`.

    `hear` is told the size of each group once it is on the disk.
    """

    def __init__(self, log: Log, hear: Hear = lambda count: None) -> None:
        self._log, self._hear = log, hear
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def submit(self, record: Record, data: bytes = b"") -> Future[bool]:
        """Take this; done once it is durable."""
        future: Future[bool] = Future()
        self._queue.put((Entry(record, data), future))
        return future

    def close(self) -> None:
        """Finish what waits."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group, ended = self._gather(first)
            self._commit(group)
            if ended:
                return

    def _gather(self, first: _Waiting) -> tuple[list[_Waiting], bool]:
        """All that waits already, at most MOST; was the end among it?"""
        group = [first]
        while len(group) < MOST:
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
            taken = self._log.commit([entry for entry, _ in group])
        # Whatever it is, a bug too: this is the only thread that could tell those who wait, and the next group may go.
        except Exception as error:  # noqa: BLE001
            for _, future in group:
                future.set_exception(error)
            return
        for (_, future), new in zip(group, taken, strict=True):
            future.set_result(new)
        self._hear(len(group))
