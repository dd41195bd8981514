"""Judging what came in, in processes of their own.

Contract: every received report gets one `Judged` or `Unfit` record, whatever the bundle does to the process that
judges it: a process that dies or takes too long is replaced, and the bundle that it had, tried once more alone, is
unfit then. A process has a limit on memory, and yields to the intake.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import date, timedelta
from pathlib import Path

from talkpath.errors import BundleError
from talkpath.observatory.judgement import judge_bundle
from talkpath.observatory.log.append import LogError
from talkpath.observatory.log.log import Log
from talkpath.observatory.log.packs import read_bundle_of
from talkpath.observatory.log.records import Judged, Received, Record, Unfit
from talkpath.observatory.orphan import end_with_parent
from talkpath.verdict.judge import RULES_VERSION

MOST_S, MOST_MEMORY_BYTES = 120.0, 3 << 30
NICE = 10
AT_ONCE = 64
RETRY_S = 5.0
FAILED = (BrokenProcessPool, TimeoutError)
CRASHED = "The judge could not finish with it."
Commit = Callable[[Record], Awaitable[bool]]


def judge_received(packs: Path, received: Received, listed: Mapping[str, str], simulated: bool) -> Judged | Unfit:
    """In the process that judges: the record for the log."""
    try:
        judged = judge_bundle(read_bundle_of(packs, received), received, listed)
    except (BundleError, MemoryError, RecursionError) as error:
        return _unfit(received, str(error) or CRASHED)
    if judged.simulated != simulated:
        return _unfit(received, "It was made by the lab." if judged.simulated else "It was not made by the lab.")
    if judged.measured > _after(received.day):
        return _unfit(received, "It tells a day that is still to come.")
    return judged


def _unfit(received: Received, why: str) -> Unfit:
    return Unfit(received.id, received.day, str(RULES_VERSION), why)


def _after(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


class Judges:
    """`commit` puts a record into the log; `hear` is told "judged" or "unfit"."""

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
        """Judge what waits now; how many that were. What could not be written stays waiting."""
        waiting = [known.received for known in await asyncio.to_thread(self._log.waiting, AT_ONCE)]
        turns = asyncio.Semaphore(self._processes)
        done = await asyncio.gather(*(self._judge(received, turns) for received in waiting), return_exceptions=True)
        for received, outcome in zip(waiting, done, strict=True):
            if isinstance(outcome, FAILED):  # this one, or another that was with it
                self.close()
                await self._alone(received)
            elif isinstance(outcome, LogError):
                await asyncio.sleep(RETRY_S)
            elif isinstance(outcome, BaseException):
                raise outcome
        return len(waiting)

    def close(self) -> None:
        """End the processes, whatever they do."""
        if self._pool is not None:
            running = list(self._pool._processes.values())
            self._pool.shutdown(wait=False, cancel_futures=True)
            for process in running:
                process.kill()
            self._pool = None

    async def _alone(self, received: Received) -> None:
        try:
            await self._judge(received, asyncio.Semaphore())
        except FAILED:
            self.close()
            await self._put(_unfit(received, CRASHED))

    async def _judge(self, received: Received, turns: asyncio.Semaphore) -> None:
        async with turns:
            pool, packs = await self._started(), self._log.folder.bundles
            work = asyncio.get_running_loop().run_in_executor(
                pool, judge_received, packs, received, self._listed, self._simulated
            )
            record = await asyncio.wait_for(work, self._most_s)
        await self._put(record)

    async def _put(self, record: Judged | Unfit) -> None:
        if await self._commit(record):
            self._hear("judged" if isinstance(record, Judged) else "unfit")

    async def _started(self) -> ProcessPoolExecutor:
        """A pool whose process runs: what it takes to start is not the bundle's fault."""
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._processes, context, _begin)
            await asyncio.get_running_loop().run_in_executor(self._pool, os.getpid)
        return self._pool


def _begin() -> None:
    """In a process that judges, first of all."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
    end_with_parent()
    os.nice(NICE)
    try:
        import resource
    except ImportError:  # not on Windows, where no observatory runs
        return
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
