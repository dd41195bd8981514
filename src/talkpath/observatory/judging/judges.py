"""Judging what came in, and judging again what older rules judged, in processes of their own.

Contract: every received report gets one `Judged` or `Unfit` record, whatever the bundle does to the process that
judges it: a process that dies or takes too long is replaced, and the bundle that it had, tried once more alone, is
unfit then. A process has a limit on memory, and yields to the intake. Where nothing new waits, whatever only older
rules looked at is judged again, a few at a time; what came of it is in the log, so that it goes on after a restart
where it was.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial

from talkpath.observatory.judging.worker import CRASHED, judge_again, judge_received, unfit
from talkpath.observatory.log.append import LogError
from talkpath.observatory.log.log import Log
from talkpath.observatory.log.records import Judged, Record, Unfit
from talkpath.observatory.log.register import Known
from talkpath.observatory.workers.pool import begin_worker, end_pool
from talkpath.verdict.judge import RULES_VERSION

MOST_S, MOST_MEMORY_BYTES = 120.0, 3 << 30
AT_ONCE, AGAIN_AT_ONCE = 64, 8
RETRY_S = 5.0
FAILED = (BrokenProcessPool, TimeoutError)
Commit = Callable[[Record], Awaitable[bool]]


class Judges:
    """`commit` puts a record into the log; `hear` is told "judged", "unfit", or "again"."""

    def __init__(self, log: Log, commit: Commit, listed: Mapping[str, str], simulated: bool,
                 hear: Callable[[str], None] = lambda outcome: None, processes: int = 1,
                 most_s: float = MOST_S) -> None:  # fmt: skip
        self._log, self._commit, self._hear = log, commit, hear
        self._listed, self._simulated, self._processes, self._most_s = dict(listed), simulated, processes, most_s
        self._pool: ProcessPoolExecutor | None = None

    async def run(self, arrived: asyncio.Event) -> None:
        """Judge whatever waits, for ever; `arrived` wakes it."""
        try:
            while True:
                arrived.clear()
                if not await self.round():
                    await arrived.wait()
        finally:
            self.close()

    async def round(self) -> int:
        """Judge what waits now, else a few of those that older rules judged; how many that were. What could not be
        written stays as it was."""
        found = await asyncio.to_thread(self._log.waiting, AT_ONCE)
        found = found or await asyncio.to_thread(self._log.older, RULES_VERSION, AGAIN_AT_ONCE)
        turns = asyncio.Semaphore(self._processes)
        done = await asyncio.gather(*(self._judge(known, turns) for known in found), return_exceptions=True)
        for known, outcome in zip(found, done, strict=True):
            if isinstance(outcome, FAILED):  # this one, or another that was with it
                self.close()
                await self._alone(known)
            elif isinstance(outcome, LogError):
                await asyncio.sleep(RETRY_S)
            elif isinstance(outcome, BaseException):
                raise outcome
        return len(found)

    def close(self) -> None:
        """End the processes, whatever they do."""
        if self._pool is not None:
            end_pool(self._pool)
            self._pool = None

    async def _alone(self, known: Known) -> None:
        try:
            await self._judge(known, asyncio.Semaphore())
        except FAILED:
            self.close()
            await self._put(known, unfit(known.received, CRASHED) if known.state == "received" else None)

    async def _judge(self, known: Known, turns: asyncio.Semaphore) -> None:
        async with turns:
            pool = await self._started()
            work = asyncio.get_running_loop().run_in_executor(pool, self._work(known))
            record = await asyncio.wait_for(work, self._most_s)
        await self._put(known, record)

    def _work(self, known: Known) -> Callable[[], Judged | Unfit | None]:
        packs, given = self._log.folder.bundles, (self._listed, self._simulated)
        if known.state == "received":
            return partial(judge_received, packs, known.received, *given)
        return partial(judge_again, packs, known, *given)

    async def _put(self, known: Known, record: Judged | Unfit | None) -> None:
        if record is None:
            await asyncio.to_thread(self._log.pass_over, known.received.id, RULES_VERSION)
        elif await self._commit(record):
            self._hear("again" if record.again else "judged" if isinstance(record, Judged) else "unfit")

    async def _started(self) -> ProcessPoolExecutor:
        """A pool whose process runs: what it takes to start is not the bundle's fault."""
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._processes, context, _begin)
            await asyncio.get_running_loop().run_in_executor(self._pool, os.getpid)
        return self._pool


def _begin() -> None:
    """Set up a process that judges."""
    begin_worker()
    try:
        import resource
    except ImportError:  # not on Windows, where no observatory runs
        return
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
