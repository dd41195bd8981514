"""Jobs for which no packet may wait: on real sockets another thread runs them, in virtual time they run at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")
Submit = Callable[[Callable[[], Result]], "Future[Result]"]
"""Runs a job now or in another thread, as `concurrent.futures.Executor.submit` does."""


def run_inline(job: Callable[[], Result]) -> Future[Result]:
    """Run the job while everything else waits: for virtual time."""
    future: Future[Result] = Future()
    future.set_result(job())
    return future
