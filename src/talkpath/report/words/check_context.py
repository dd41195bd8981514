"""What the sentences about one verdict must know of the rest of its check, so that they do not contradict it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from talkpath.verdict.model import Verdict


@dataclass(frozen=True, slots=True)
class CheckContext:
    """The check around a verdict. The defaults are those of a check about which nothing else is known."""

    known_server: bool = True
    """Is it known who runs the test server? If not, a restriction may be the server's own doing."""

    with_messages: bool = False
    """Did the check try messages too?"""

    all_closed: bool = True
    """Are all its calls closed, whichever app they look like?"""

    @classmethod
    def of(cls, verdicts: Sequence[Verdict], *, known_server: bool = True) -> CheckContext:
        """The check that gave these verdicts."""
        calls = [verdict for verdict in verdicts if verdict.medium != "text"]
        return cls(
            known_server=known_server,
            with_messages=len(calls) < len(verdicts),
            all_closed=all(verdict.state == "closed" for verdict in calls),
        )
