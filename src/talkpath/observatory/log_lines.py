"""Limits the lines in the server's own log that strangers cause: one for every malformed request."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic

MOST_A_MINUTE = 10
MINUTE_S = 60.0


class RateLimit(logging.Filter):
    """Lets ten warnings a minute through; the first one after that tells how many were left out."""

    def __init__(self, now_s: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._now_s, self._began_s, self._count = now_s, now_s(), 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        if record.levelno > logging.WARNING:
            return True
        now_s = self._now_s()
        if now_s - self._began_s >= MINUTE_S:
            left_out, self._began_s, self._count = self._count - MOST_A_MINUTE, now_s, 0
            if left_out > 0:
                record.msg, record.args = f"{record.getMessage()} ({left_out} such lines were left out)", ()
        self._count += 1
        return self._count <= MOST_A_MINUTE


def limit_malformed_request_lines() -> None:
    """Limit the warnings of uvicorn, which writes one for every malformed request."""
    logger = logging.getLogger("uvicorn.error")
    logger.filters = [one for one in logger.filters if not isinstance(one, RateLimit)]
    logger.addFilter(RateLimit())
