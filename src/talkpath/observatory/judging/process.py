"""One process that judges one bundle at a time, within a limit of time and of memory."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from typing import NamedTuple, TypeVar

from talkpath.errors import PeerError, TalkpathError
from talkpath.observatory.workers.pool import begin_worker, end_pool

Result = TypeVar("Result")


class JudgeLimits(NamedTuple):
    """What judging one bundle may take: seconds of the clock, and bytes of address space."""

    time_s: float = 30.0
    memory_bytes: int = 1 << 30


class JudgeFailedError(TalkpathError):
    """The work did not end: the process died, took too long, or wanted more memory than it may have."""


class JudgeProcess:
    """A process that does one piece of work at a time. It is killed as soon as a piece of work passes a limit, and the
    next one gets a new process: nothing that one bundle does is felt by another."""

    def __init__(self, limits: JudgeLimits) -> None:
        self._limits = limits
        self._pool: ProcessPoolExecutor | None = None

    async def run(self, work: Callable[[], Result]) -> Result:
        """The result of `work`; `JudgeFailedError` where it passed a limit. What does not fit into the memory that
        earlier work left is tried once more in a new process."""
        fresh = self._pool is None
        try:
            return await self._run(work)
        except MemoryError:
            self.close()
            if not fresh:
                return await self.run(work)
            raise JudgeFailedError("It needs more memory than judging may take.") from None

    def close(self) -> None:
        """End the process, whatever it does."""
        if self._pool is not None:
            end_pool(self._pool)
            self._pool = None

    async def _run(self, work: Callable[[], Result]) -> Result:
        pool = await self._started()
        result = asyncio.get_running_loop().run_in_executor(pool, _guarded_work, work)
        try:
            outcome = await asyncio.wait_for(result, self._limits.time_s)
        except TimeoutError:
            self.close()
            raise JudgeFailedError("It takes longer to judge than any check's bundle.") from None
        except BrokenProcessPool:
            self.close()
            raise JudgeFailedError("The process that judged it ended.") from None
        if isinstance(outcome, _Failure):
            raise JudgeFailedError(f"The judge failed on it ({outcome.error}).")
        return outcome

    async def _started(self) -> ProcessPoolExecutor:
        """The process, once it runs: a process that cannot start is no bundle's fault."""
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, context, _begin_judging, (self._limits.memory_bytes,))
            try:
                await asyncio.get_running_loop().run_in_executor(self._pool, os.getpid)
            except BrokenProcessPool:
                self.close()
                raise PeerError("A process that judges cannot be started; has this machine enough memory?") from None
        return self._pool


class _Failure(NamedTuple):
    """What a piece of work raised, by its type's name: not every exception can be handed to another process."""

    error: str


def _guarded_work(work: Callable[[], Result]) -> Result | _Failure:
    """In the process: do the work. Nothing that it raises reaches the event loop of the server."""
    try:
        return work()
    except MemoryError:
        raise
    except BaseException as error:  # noqa: BLE001 (SystemExit too: raised in the server it would end the server)
        return _Failure(type(error).__name__)


def _begin_judging(memory_bytes: int) -> None:
    """Set up the process, load what judging needs (that is no bundle's time), and limit its memory."""
    begin_worker()
    import_module("talkpath.observatory.judging.worker")
    try:
        import resource
    except ImportError:  # not on Windows, where no observatory runs
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
