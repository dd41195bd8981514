"""Judges what came in, and judges again what older rules judged, in processes of their own.

Contract: every received report gets one `Judged` or `Unfit` record, whatever its bundle does to the process that judges
it, and no bundle keeps others from being judged: each one has a limit of time and memory (process.py), and contributors
take turns. Where nothing new waits, what only older rules looked at is judged again, a few at a time; the result is in
the log, so that it continues after a restart.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from talkpath.observatory.judging.process import JudgeFailedError, JudgeLimits, JudgeProcess
from talkpath.observatory.judging.worker import judge_again, judge_received, unfit_record
from talkpath.observatory.log.append import LogError
from talkpath.observatory.log.log import Log
from talkpath.observatory.log.records import Judged, Record, Unfit
from talkpath.observatory.log.register import Known
from talkpath.verdict.judge import RULES_VERSION

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
        return await self._judge_all(take_turns(await asyncio.to_thread(self._log.waiting, WAITING))[:AT_ONCE])

    async def judge_older(self) -> int:
        """Judge again a few reports that only older rules looked at; how many that were."""
        return await self._judge_all(await asyncio.to_thread(self._log.older, RULES_VERSION, AGAIN_AT_ONCE))

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
            await asyncio.to_thread(self._log.pass_over, known.received.id, RULES_VERSION)
        elif await self._commit(record):
            self._on_outcome("again" if record.again else "judged" if isinstance(record, Judged) else "unfit")


def take_turns(reports: Sequence[Known]) -> list[Known]:
    """The reports in an order in which contributors take turns, each one's in the order in which they came."""
    queues: dict[tuple[int, int], deque[Known]] = {}
    for known in reports:
        sender = known.received.contributor, known.received.contributor_key
        queues.setdefault(sender, deque()).append(known)
    ordered: list[Known] = []
    waiting = deque(queues.values())
    while waiting:
        queue = waiting.popleft()
        ordered.append(queue.popleft())
        if queue:
            waiting.append(queue)
    return ordered
