"""Keeps long-lived tasks running, and waits for sockets.

A task that ends is started again after a while, and told to whoever asks. `await_ready` is exact to the microsecond: on
Linux `selectors` rounds times up to milliseconds, and packets leave half a millisecond apart, so `select` is asked. It
knows no descriptor above 1023: in a process with so many files open, milliseconds must do.
"""

from __future__ import annotations

import asyncio
import select
import selectors
import sys
import traceback
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from time import monotonic
from typing import Any

from talkpath.errors import TalkpathError

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
REMEMBERED_S = 2 * LONGEST_WAIT_S
SupervisedWork = Callable[[], Awaitable[None]]


def write_line(text: str) -> None:
    """Write a line to the process's stderr, which systemd and Docker keep."""
    _write_stderr(f"talkpath: {text}\n")


def write_place(error: Exception) -> None:
    """Write where an exception came from, without its own text: it may hold an address."""
    _write_stderr("".join(traceback.format_tb(error.__traceback__)))


def _write_stderr(text: str) -> None:
    with suppress(OSError, ValueError):  # a full disk, or closed: nobody can be told, and the work has to go on
        sys.stderr.write(text)


class Supervisor:
    """Runs tasks until `stop`. After a failure a task waits one second, then twice as long each time, up to a minute;
    a task that ran for two minutes since begins at one second again."""

    def __init__(
        self,
        report: Callable[[str], None] = write_line,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now_s: Callable[[], float] = monotonic,
    ) -> None:
        self._report, self._sleep, self._now_s = report, sleep, now_s
        self._tasks: list[asyncio.Task[None]] = []
        self._failures: dict[str, tuple[float, str]] = {}

    def start(self, name: str, work: SupervisedWork) -> None:
        """Run `work`, which should never end. `name` is the subject of a sentence, as in "The judging"."""
        self._tasks.append(asyncio.create_task(self._keep(name, work)))

    def failing(self) -> list[str]:
        """A sentence for each task that failed within the last two minutes."""
        since_s = self._now_s() - REMEMBERED_S
        return [sentence for at_s, sentence in self._failures.values() if at_s > since_s]

    def counts(self) -> dict[str, int]:
        """How many tasks are kept running, how many of them failed within the last two minutes, and how many the event
        loop has in all: a number that only grows is a leak."""
        return {"kept": len(self._tasks), "failing": len(self.failing()), "all": len(asyncio.all_tasks())}

    async def stop(self) -> None:
        """End all tasks."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()

    async def _keep(self, name: str, work: SupervisedWork) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            began_s = self._now_s()
            sentence = f"{name} {await _reason_of_end(work)}"
            if self._now_s() - began_s > REMEMBERED_S:
                wait_s = FIRST_WAIT_S
            self._failures[name] = self._now_s(), f"{sentence} It is started again."
            self._report(f"{sentence} It is started again in {wait_s:.0f} s.")
            await self._sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)


async def _reason_of_end(work: SupervisedWork) -> str:
    """Run the work until it ends; why it did, as the rest of a sentence."""
    try:
        await work()
    except TalkpathError as error:
        return f"failed: {error}"
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():  # by `stop`
            raise
        return "failed: what it waited for was cancelled."
    except Exception as error:  # noqa: BLE001 (whatever it is, the task has to run again)
        write_place(error)
        return f"failed because of a bug ({type(error).__name__})."
    return "ended."


READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


def await_ready(readers: Collection[Any], writers: Collection[Any], timeout_s: float) -> tuple[list[Any], list[Any]]:
    """Return which of these sockets (or descriptors) can be read and which be written, after `timeout_s` at most."""
    try:
        readable, writable, _ = select.select(readers, writers, (), timeout_s)
    except ValueError:
        return _poll_ready(readers, writers, timeout_s)
    return readable, writable


def _poll_ready(readers: Collection[Any], writers: Collection[Any], timeout_s: float) -> tuple[list[Any], list[Any]]:
    with selectors.PollSelector() as selector:
        for end in {*readers, *writers}:
            selector.register(end, READ * (end in readers) | WRITE * (end in writers))
        found = selector.select(timeout_s)
    readable, writable = ([key.fileobj for key, events in found if events & wanted] for wanted in (READ, WRITE))
    return readable, writable
