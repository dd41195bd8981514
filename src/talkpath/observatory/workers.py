"""A pool of processes that runs functions beside the intake, and is replaced where a process dies.

Ends a worker process when its parent process ends, even where the parent was killed.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from typing import TypeVar

from talkpath.errors import PeerError
from talkpath.serving.interrupts import interrupts_blocked


def end_with_parent() -> None:
    """Watch the parent from a thread of this (spawned) process."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None  # it was spawned
    parent.join()
    os._exit(1)


Answer = TypeVar("Answer")
WORKER_NICENESS = 10


class WorkerPool:
    """Runs functions in processes of its own, at a lower priority. Only plain records go in and come out."""

    def __init__(self, processes: int, name: str = "looks for events") -> None:
        self._processes, self._name = processes, name
        self._pool: ProcessPoolExecutor | None = None

    def run(self, work: Callable[..., Answer], *given: object) -> Answer:
        """Run `work(*given)` and wait for its result; `PeerError` where the process ended before it answered. The next
        call starts another process."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self._processes, get_context("spawn"), begin_worker)
        try:
            with interrupts_blocked():
                answer = self._pool.submit(work, *given)
            return answer.result()
        except BrokenProcessPool:
            self._pool = None
            raise PeerError(f"The process that {self._name} ended before it answered; it is started again.") from None

    def close(self) -> None:
        """End the processes, whatever they do."""
        pool, self._pool = self._pool, None
        if pool is not None:
            end_pool(pool)


def begin_worker() -> None:
    """Set up a worker process: it ends with its parent (Ctrl-C is blocked in it), and yields the processor to the
    intake."""
    end_with_parent()
    os.nice(WORKER_NICENESS)


def end_pool(pool: ProcessPoolExecutor) -> None:
    """Kill the processes of a pool; what waits for their results gets an error."""
    running = pool_processes(pool)
    pool.shutdown(wait=False, cancel_futures=True)
    for process in running:
        process.kill()


def pool_processes(pool: ProcessPoolExecutor) -> list[BaseProcess]:
    """The processes of a pool that were started. Nothing public tells them, or how one of them ended."""
    return list(pool._processes.values())
