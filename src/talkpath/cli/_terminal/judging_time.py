"""Limits the processor time that a command may spend on somebody else's bundle."""

from __future__ import annotations

import signal
import threading
import time
from _thread import interrupt_main
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from talkpath.errors import BundleError

MOST_CPU_S = 20.0
"""Several times what the largest check of our own takes to judge."""
LOOK_EVERY_S = 0.2
TAKES_TOO_LONG = "The bundle takes longer to judge than any check's; it was made to."

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def limited_judging(command: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Decorate a command that judges bundles: after `MOST_CPU_S` of processor time it ends with a `BundleError`.

    What the bounds of facts let through may still be slow to judge (`measure.decode` counts before, and cannot know how
    the tests fare). Where the system has no such timer (Windows) a thread looks at the clock. Outside the main thread
    nothing is limited.
    """

    @wraps(command)
    def limited(*arguments: Arguments.args, **options: Arguments.kwargs) -> Result:
        if threading.current_thread() is not threading.main_thread():
            return command(*arguments, **options)
        if not hasattr(signal, "setitimer"):
            with _watched_by_a_thread():
                return command(*arguments, **options)
        before = signal.signal(signal.SIGPROF, _stop_judging)
        signal.setitimer(signal.ITIMER_PROF, MOST_CPU_S)
        try:
            return command(*arguments, **options)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0.0)
            signal.signal(signal.SIGPROF, before)

    return limited


@contextmanager
def _watched_by_a_thread() -> Iterator[None]:
    """Interrupt the main thread, as Ctrl-C does, once the processor time is spent."""
    ended, spent, end_s = threading.Event(), threading.Event(), time.process_time() + MOST_CPU_S

    def watch() -> None:
        while not ended.wait(LOOK_EVERY_S):
            if time.process_time() > end_s:
                spent.set()
                interrupt_main()
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    except KeyboardInterrupt:
        if spent.is_set():
            raise BundleError(TAKES_TOO_LONG) from None
        raise
    finally:
        ended.set()


def _stop_judging(number: int, frame: Any) -> None:
    raise BundleError(TAKES_TOO_LONG)
