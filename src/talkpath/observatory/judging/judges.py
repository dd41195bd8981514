"""Judges what came in, and judges again what older rules judged, in processes of their own.

Contract: every received report gets one `Judged` or `Unfit` record, whatever its bundle does to the process that judges
it, and no bundle keeps others from being judged: a process judges one at a time, each within a limit of processor time
and of memory, and contributors take turns. A busy machine spoils no report: the time that others take does not count,
and what a process that was killed was judging is tried once more. Where nothing new waits, what only older rules looked
at is judged again, a few at a time; the result is in the log, so that it continues after a restart.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from talkpath.errors import BundleError, PeerError, TalkpathError
from talkpath.evidence.bundle import FormatVersionError
from talkpath.observatory.judging.judgement import judge_bundle
from talkpath.observatory.log.log import Log
from talkpath.observatory.log.packs import NotKeptError, read_bundle_of
from talkpath.observatory.log.records import Judged, Received, Record, Unfit
from talkpath.observatory.log.register import Known
from talkpath.observatory.log.segments import LogError
from talkpath.observatory.workers import begin_worker, end_pool, pool_processes
from talkpath.serving.interrupts import interrupts_blocked
from talkpath.verdict.analysis import one_check
from talkpath.verdict.judge import RULES_VERSION

MOST_REASON = 200  # characters


def judge_received(packs: Path, received: Received, listed: Mapping[str, str], simulated: bool) -> Judged | Unfit:
    """The record of a report that nobody judged yet. Whatever goes wrong with its bundle, a mistake of the judge too,
    makes it unfit with a reason; `MemoryError` is left to whoever can try again with more memory.

    Every `Exception` is caught since the bundle is a stranger's: one that makes the judge fail must not be judged again
    after each restart, and keep all others waiting."""
    try:
        return _judged_record(packs, received, listed, simulated)
    except MemoryError:
        raise
    except BundleError as error:
        return unfit_record(received, str(error))
    except Exception as error:  # noqa: BLE001 (whatever it is, the next report is to be judged)
        return unfit_record(received, f"The judge failed on it ({type(error).__name__}).")


def judge_again(packs: Path, known: Known, listed: Mapping[str, str], simulated: bool) -> Judged | Unfit | None:
    """The record of a report that older rules judged; None where their result stays, because the bundle is no longer
    kept, or this version cannot read or judge it. What this version finds to be no evidence counts no longer. A report
    stays on the day that it counted on: who answers for a server may have changed since, and it would count on both.

    Every other `Exception` is a mistake of this version's judge. It says nothing of the bundle, so the older result
    stays; `MemoryError` is left to whoever can try again with more memory."""
    try:
        found = _judged_record(packs, known.received, listed, simulated)
        return replace(found, measured=known.measured or found.measured, again=True)
    except (NotKeptError, FormatVersionError):
        return None
    except BundleError as error:
        unfit = unfit_record(known.received, str(error))
        return replace(unfit, measured=known.measured, again=True) if known.state == "judged" else None
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 (as said above: the older result stays)
        return None


def unfit_record(received: Received, reason: str) -> Unfit:
    """The record of a bundle that cannot be judged."""
    return Unfit(id=received.id, day=received.day, rules_version=str(RULES_VERSION), why=reason[:MOST_REASON])


@one_check()
def _judged_record(packs: Path, received: Received, listed: Mapping[str, str], simulated: bool) -> Judged:
    """The judgement; `BundleError` where the bundle cannot be counted in this observatory."""
    judged = judge_bundle(read_bundle_of(packs, received), received, listed)
    if judged.simulated != simulated:
        raise BundleError("It was made by the lab." if judged.simulated else "It was not made by the lab.")
    return judged


Result = TypeVar("Result")


class JudgeLimits(NamedTuple):
    """What judging one bundle may take: seconds of the processor, and bytes of address space."""

    cpu_s: float = 30.0
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
        earlier work left, and what a process did that died, is tried once more in a new process: the machine may have
        killed it for the memory of others."""
        with suppress(MemoryError, BrokenProcessPool):
            return await self._run(work)
        self.close()
        try:
            return await self._run(work)
        except MemoryError:
            self.close()
            raise JudgeFailedError("It needs more memory than judging may take.") from None
        except BrokenProcessPool:
            raise JudgeFailedError("The process that judged it ended.") from None

    def close(self) -> None:
        """End the process, whatever it does."""
        if self._pool is not None:
            end_pool(self._pool)
            self._pool = None

    async def _run(self, work: Callable[[], Result]) -> Result:
        pool = await self._started()
        (process,) = pool_processes(pool)
        try:
            outcome = await asyncio.get_running_loop().run_in_executor(pool, _guarded_work, work, self._limits.cpu_s)
        except BrokenProcessPool:
            self._pool = None
            await asyncio.to_thread(pool.shutdown)  # how the process ended is known after that
            if process.exitcode == -signal.SIGPROF:
                raise JudgeFailedError("It takes longer to judge than any check's bundle.") from None
            raise
        if isinstance(outcome, _Failure):
            raise JudgeFailedError(f"The judge failed on it ({outcome.error}).")
        return outcome

    async def _started(self) -> ProcessPoolExecutor:
        """The process, once it runs: a process that cannot start is no bundle's fault."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                1, multiprocessing.get_context("spawn"), _begin_judging, (self._limits.memory_bytes,)
            )
            try:
                with interrupts_blocked():
                    started = asyncio.get_running_loop().run_in_executor(self._pool, os.getpid)
                await started
            except BrokenProcessPool:
                self.close()
                raise PeerError("A process that judges cannot be started; has this machine enough memory?") from None
        return self._pool


class _Failure(NamedTuple):
    """What a piece of work raised, by its type's name: not every exception can be handed to another process."""

    error: str


def _guarded_work(work: Callable[[], Result], cpu_s: float) -> Result | _Failure:
    """In the process: do the work. Nothing that it raises reaches the event loop of the server; SIGPROF ends the
    process once it used so much processor time."""
    signal.setitimer(signal.ITIMER_PROF, cpu_s)
    try:
        return work()
    except MemoryError:
        raise
    except BaseException as error:  # noqa: BLE001 (SystemExit too: raised in the server it would end the server)
        return _Failure(type(error).__name__)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)


def _begin_judging(memory_bytes: int) -> None:
    """Set up the process, load what judging needs (that is no bundle's time), and limit its memory."""
    import resource  # not on Windows, where no observatory runs

    begin_worker()
    import_module("talkpath.observatory.judging.judges")
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


WAITING = 2000  # reports that take turns
AT_ONCE, AGAIN_AT_ONCE = 64, 8  # reports of a round
JUDGE_RETRY_S = 5.0
Commit = Callable[[Record], Awaitable[bool]]


class Judges:
    """All processes that judge. `commit` puts a record into the log; `on_outcome` is called with "judged", "unfit", or
    "again"."""

    def __init__(
        self,
        log: Log,
        commit: Commit,
        listed: Mapping[str, str],
        simulated: bool,
        on_outcome: Callable[[str], None] = lambda outcome: None,
        processes: int = 1,
        limits: JudgeLimits | None = None,
    ) -> None:
        self._log, self._commit, self._on_outcome = log, commit, on_outcome
        self._listed, self._simulated = dict(listed), simulated
        self._processes = [JudgeProcess(limits or JudgeLimits()) for _ in range(processes)]

    async def run(self, arrived: asyncio.Event) -> None:
        """Judge whatever waits, for ever; `arrived` wakes it."""
        try:
            while True:
                arrived.clear()
                if not await self.judge_waiting() and not await self.judge_older():
                    await arrived.wait()
        finally:
            self.close()

    async def judge_waiting(self) -> int:
        """Judge some of what waits, the contributors by turns; how many reports that were."""
        return await self._judge_all(take_turns(await asyncio.to_thread(self._log.register.waiting, WAITING))[:AT_ONCE])

    async def judge_older(self) -> int:
        """Judge again a few reports that only older rules looked at; how many that were."""
        return await self._judge_all(await asyncio.to_thread(self._log.register.older, RULES_VERSION, AGAIN_AT_ONCE))

    def close(self) -> None:
        """End the processes, whatever they do."""
        for process in self._processes:
            process.close()

    async def _judge_all(self, reports: Sequence[Known]) -> int:
        queue = deque(reports)

        async def work(process: JudgeProcess) -> None:
            while queue:
                await self._judge(process, queue.popleft())

        try:
            async with asyncio.TaskGroup() as group:
                for process in self._processes:
                    group.create_task(work(process))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None  # one sentence for whoever supervises this
        return len(reports)

    async def _judge(self, process: JudgeProcess, known: Known) -> None:
        """One report. What cannot be written stays as it was, and is judged in a later round."""
        try:
            record = await process.run(self._work(known))
        except JudgeFailedError as error:
            record = unfit_record(known.received, str(error)) if known.state == "received" else None
        try:
            await self._put(known, record)
        except LogError:
            await asyncio.sleep(JUDGE_RETRY_S)

    def _work(self, known: Known) -> Callable[[], Judged | Unfit | None]:
        packs, given = self._log.folder.bundles, (self._listed, self._simulated)
        if known.state == "received":
            return partial(judge_received, packs, known.received, *given)
        return partial(judge_again, packs, known, *given)

    async def _put(self, known: Known, record: Judged | Unfit | None) -> None:
        if record is None:
            await asyncio.to_thread(self._log.register.pass_over, known.received.id, RULES_VERSION)
        elif await self._commit(record):
            self._on_outcome("again" if record.again else "judged" if isinstance(record, Judged) else "unfit")


def take_turns(reports: Sequence[Known]) -> list[Known]:
    """The reports in an order in which contributors take turns, each one's in the order in which they came."""
    queues: dict[tuple[int, int], deque[Known]] = {}
    for known in reports:
        queues.setdefault((known.received.contributor, known.received.contributor_key), deque()).append(known)
    ordered: list[Known] = []
    waiting = deque(queues.values())
    while waiting:
        queue = waiting.popleft()
        ordered.append(queue.popleft())
        if queue:
            waiting.append(queue)
    return ordered
