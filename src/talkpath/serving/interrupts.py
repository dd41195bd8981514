"""Ctrl-C reaches every process of a terminal's group. One that is just being started would end with a traceback: what
is started under `interrupts_blocked` never sees it, and is ended by its parent."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupts_blocked() -> Iterator[None]:
    """Block SIGINT in this thread, and for good in the processes that it starts meanwhile (a signal mask is inherited,
    fork(2), execve(2)). One that comes meanwhile is raised here at the end. Windows has no masks: nothing is done."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT} - before)
