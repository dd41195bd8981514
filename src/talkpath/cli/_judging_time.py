"""Limits the processor time that a command may spend on somebody else's bundle."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from talkpath.errors import BundleError

MOST_CPU_S = 20.0
"""Several times what the largest check of our own takes to judge."""
TAKES_TOO_LONG = "The bundle takes longer to judge than any check's; it was made to."

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def limited_judging(command: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Decorate a command that judges bundles: after `MOST_CPU_S` of processor time it ends with a `BundleError`.

    What the bounds of facts let through may still be slow to judge (`measure.work` counts before, and cannot know how
    the tests fare). Where the system has no such timer (Windows), or outside the main thread, nothing is limited.
    """

    @wraps(command)
    def limited(*arguments: Arguments.args, **options: Arguments.kwargs) -> Result:
        if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
            return command(*arguments, **options)
        before = signal.signal(signal.SIGPROF, _stop_judging)
        signal.setitimer(signal.ITIMER_PROF, MOST_CPU_S)
        try:
            return command(*arguments, **options)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0.0)
            signal.signal(signal.SIGPROF, before)

    return limited


def _stop_judging(number: int, frame: Any) -> None:
    raise BundleError(TAKES_TOO_LONG)
