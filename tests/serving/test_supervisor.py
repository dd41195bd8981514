"""A task that ends is started again, later each time, and whoever asks is told."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from errno import ENOSPC
from io import StringIO

import pytest

from talkpath.errors import PeerError
from talkpath.serving import supervisor
from talkpath.serving.supervisor import REMEMBERED_S, Supervisor

ADDRESS = 198, 51, 100, 7


class Clock:
    """Seconds that pass when somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.slept_s: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now_s += seconds
        await asyncio.sleep(0)


def supervise(
    work: Callable[[int, Clock], None], runs: int, report: Callable[[str], None] | None = None
) -> tuple[Clock, list[str], list[str]]:
    """Run until it was started so many times; the clock, what was reported, and what is failing in the end."""
    clock, reported, started = Clock(), list[str](), 0

    async def play() -> list[str]:
        supervisor, enough = Supervisor(report or reported.append, clock.sleep, lambda: clock.now_s), asyncio.Event()

        async def task() -> None:
            nonlocal started
            started += 1
            if started == runs:
                enough.set()
                await asyncio.Event().wait()
            work(started, clock)

        supervisor.start("The task", task)
        await asyncio.wait_for(enough.wait(), 30)
        failing = supervisor.failing()
        await supervisor.stop()
        return failing

    failing = asyncio.run(play())
    return clock, reported, failing


def test_whatever_ends_a_task_it_is_started_again_later_each_time():
    ends = [ZeroDivisionError("secret"), PeerError("The index is away."), MemoryError(), None]

    def work(number: int, clock: Clock) -> None:
        if (error := ends[(number - 1) % 4]) is not None:
            raise error

    clock, reported, failing = supervise(work, 9)
    assert clock.slept_s == [1, 2, 4, 8, 16, 32, 60, 60]
    assert reported[:4] == [
        "The task failed because of a bug (ZeroDivisionError). It is started again in 1 s.",
        "The task failed: The index is away. It is started again in 2 s.",
        "The task failed because of a bug (MemoryError). It is started again in 4 s.",
        "The task ended. It is started again in 8 s.",
    ]
    assert failing == ["The task ended. It is started again."]


def test_what_is_written_of_a_failure_tells_its_place_and_no_address(capsys: pytest.CaptureFixture[str]):
    def work(number: int, clock: Clock) -> None:
        raise ConnectionResetError(f"{'.'.join(map(str, ADDRESS))} went away")

    _, reported, failing = supervise(work, 2)
    written = capsys.readouterr().err
    assert "test_supervisor.py" in written
    assert ".".join(map(str, ADDRESS)) not in written + "".join(reported + failing)


def test_a_task_is_started_again_where_nothing_can_be_written(monkeypatch: pytest.MonkeyPatch):
    """As where the log of a service lies on a full disk."""

    class Full(StringIO):
        def write(self, text: str, /) -> int:
            raise OSError(ENOSPC, "no space")

    def work(number: int, clock: Clock) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(sys, "stderr", Full())
    clock, _, failing = supervise(work, 3, report=supervisor.write_line)
    assert clock.slept_s == [1, 2]
    assert failing


def test_a_task_is_started_again_where_what_it_waited_for_was_cancelled():
    """As the future of a pool that was shut down: nobody cancelled the task itself."""

    def work(number: int, clock: Clock) -> None:
        raise asyncio.CancelledError

    _, reported, failing = supervise(work, 2)
    assert reported == ["The task failed: what it waited for was cancelled. It is started again in 1 s."]
    assert len(failing) == 1


def test_a_task_that_ran_for_long_begins_at_a_second_again_and_is_forgotten():
    def work(number: int, clock: Clock) -> None:
        clock.now_s += REMEMBERED_S + 1 if number == 3 else 0
        raise PeerError("No.")

    clock, _, failing = supervise(work, 5)
    assert clock.slept_s == [1, 2, 1, 2]
    assert failing
    clock, _, failing = supervise(lambda number, clock: None, 2)
    assert failing == ["The task ended. It is started again."]
