"""What other hosts answered beside a silent test server: `+` itself, `-` nothing, `p` something in its place."""

from __future__ import annotations

from talkpath.measure.facts import Exchange, Reach

SILENT = Reach("timeout", tcp_tries=3)
LISTED = Reach("timeout", tcp_tries=3, listed_s=600.0)
FAILURES = {"+": "", "-": "generic_timeout_error", "p": "unexpected_answer"}


def hosts(marks: str, kind: str = "online") -> tuple[Exchange, ...]:
    """An exchange with a host of its own for each mark."""
    return tuple(
        Exchange("", f"{kind}{n}", True, 0.0, mark == "+", failure=FAILURES[mark], kind=kind)
        for n, mark in enumerate(marks)
    )
