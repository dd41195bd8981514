"""Waits until sockets can be read or written, to the microsecond.

On Linux `selectors` rounds times up to milliseconds, and packets leave half a millisecond apart, so `select` is asked.
It knows no descriptor above 1023: in a process with so many files open, milliseconds must do.
"""

from __future__ import annotations

import select
import selectors
from collections.abc import Collection
from typing import Any

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


def await_ready(readers: Collection[Any], writers: Collection[Any], timeout_s: float) -> tuple[list[Any], list[Any]]:
    """Return which of these sockets (or descriptors) can be read and which be written, after `timeout_s` at most."""
    try:
        readable, writable, _ = select.select(readers, writers, (), timeout_s)
    except ValueError:
        return _polled(readers, writers, timeout_s)
    return readable, writable


def _polled(readers: Collection[Any], writers: Collection[Any], timeout_s: float) -> tuple[list[Any], list[Any]]:
    with selectors.PollSelector() as selector:
        for end in {*readers, *writers}:
            selector.register(end, READ * (end in readers) | WRITE * (end in writers))
        found = selector.select(timeout_s)
    readable, writable = ([key.fileobj for key, events in found if events & wanted] for wanted in (READ, WRITE))
    return readable, writable
