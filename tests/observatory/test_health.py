"""/health is ok only while everything works, and says in a sentence what does not."""

from __future__ import annotations

import asyncio
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from factories.observatories.sent_bundles import DAY, Bench
from talkpath.errors import PeerError
from talkpath.observatory.clock import ServerClock
from talkpath.observatory.log.log import LogEntry
from talkpath.observatory.log.records import Tap
from talkpath.observatory.log.segments import LogError
from talkpath.observatory.server import LEAST_FREE_BYTES, HealthCheck
from talkpath.serving.supervisor import Supervisor


class Parts:
    """An observatory's parts, without an index: `store` answers, or does not."""

    def __init__(self, root: Path) -> None:
        self.bench, self.supervisor = Bench(root), Supervisor(lambda line: None)
        self.index_error: PeerError | None = None
        store = SimpleNamespace(query=self._query)
        clock = ServerClock()
        self.health = HealthCheck(self.bench.log, self.bench.committer, store, clock, self.supervisor)  # type: ignore[arg-type]

    def _query(self, sql: str) -> list[object]:
        if self.index_error is not None:
            raise self.index_error
        return []

    def problems(self) -> list[str]:
        return asyncio.run(self.health.problems())


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    made = Parts(tmp_path)
    yield made
    made.bench.close()


def tap(number: int) -> LogEntry:
    return LogEntry(Tap(f"{number:064x}", DAY, DAY, "signal", "voice"))


def test_nothing_is_wrong_and_an_index_that_does_not_answer_is(parts: Parts):
    assert parts.problems() == []
    parts.index_error = PeerError("The index is away.")
    assert parts.problems() == ["The index is away."]


@pytest.mark.parametrize(("total", "enough"), [(1 << 40, LEAST_FREE_BYTES), (100 << 20, 5 << 20)])
def test_a_disk_that_is_nearly_full(parts: Parts, monkeypatch: pytest.MonkeyPatch, total: int, enough: int):
    usage = SimpleNamespace(free=enough, total=total)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert parts.problems() == []
    usage.free -= 1
    assert parts.problems() == ["The disk of the observatory's folder is full or nearly so; make room."]


def test_a_disk_that_takes_nothing_more_until_it_does_again(parts: Parts):
    """The limit on a file's size stands for the disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(LogError):
            parts.bench.log.commit([tap(number) for number in range(100)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    (problem,) = parts.problems()
    assert "make room" in problem
    parts.bench.log.commit([tap(1)])
    assert parts.problems() == []


def test_a_log_that_is_written_no_more(parts: Parts):
    parts.bench.committer.close()
    (problem,) = parts.problems()
    assert "start the observatory again" in problem


def test_a_task_that_fails(parts: Parts):
    async def failing() -> None:
        raise ZeroDivisionError

    async def problems() -> list[str]:
        parts.supervisor.start("Judging", failing)
        await asyncio.sleep(0.01)
        found = await parts.health.problems()
        await parts.supervisor.stop()
        return found

    assert asyncio.run(problems()) == ["Judging failed because of a bug (ZeroDivisionError). It is started again."]
