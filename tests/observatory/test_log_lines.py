"""However many malformed requests come, the log stays readable."""

from __future__ import annotations

import logging

from talkpath.observatory.serve import MINUTE_S, MOST_A_MINUTE, RateLimit


def line(level: int = logging.WARNING) -> logging.LogRecord:
    return logging.LogRecord("uvicorn.error", level, "", 1, "Invalid HTTP request received%s", (".",), None)


def test_warnings_are_limited_a_minute_and_what_was_left_out_is_counted():
    now_s = [0.0]
    limit = RateLimit(lambda: now_s[0])
    written = [limit.filter(line()) for _ in range(1000)]
    assert written == [True] * MOST_A_MINUTE + [False] * (1000 - MOST_A_MINUTE)
    assert limit.filter(line(logging.ERROR)), "an error is never left out"
    now_s[0] = MINUTE_S
    following = line()
    assert limit.filter(following)
    assert following.getMessage() == f"Invalid HTTP request received. ({1000 - MOST_A_MINUTE} such lines were left out)"
    plain = line()
    assert limit.filter(plain)
    assert plain.getMessage() == "Invalid HTTP request received."
