"""Keeps addresses out of what libraries log: the text of an exception, and a socket's description, may hold one.

uvicorn writes the traceback of a request that failed, asyncio the exception and the transport of a task or callback
that did. Here every such record becomes one line: which exception, and where in the code.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from traceback import walk_tb
from types import TracebackType


class WithoutTexts(logging.Filter):
    """Replaces the text of an exception by its class and place, and drops all lines of a message but the first."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true: the record is changed, not left out."""
        words = record.getMessage().strip().split("\n")[0]
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            words = f"{words} ({type(error).__name__} at {_raised_at(error.__traceback__)})"
        record.msg, record.args = words, ()
        record.exc_info = record.exc_text = record.stack_info = None
        return True


def _raised_at(trace: TracebackType | None) -> str:
    """The file and line in which the exception was raised."""
    frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(trace)]
    return f"{Path(frames[-1][0]).name}:{frames[-1][1]}" if frames else "an unknown place"


def keep_texts_out_of_logs(loggers: Sequence[str] = ("uvicorn", "uvicorn.error")) -> None:
    """Filter what these loggers and those without a handler of their own write. Call it once uvicorn is configured."""
    handlers = [handler for name in loggers for handler in logging.getLogger(name).handlers]
    for handler in [*handlers, *logging.getLogger().handlers, logging.lastResort]:
        if handler is not None and not any(isinstance(one, WithoutTexts) for one in handler.filters):
            handler.addFilter(WithoutTexts())
