"""Tells moments of a recording: by its clock where the file has one, else by minutes and seconds from its beginning."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from talkpath.report.words.amounts import SPACE

OLDEST_NS = 631_152_000_000_000_000
"""1990. A clock before it was never set."""
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class RecordingClock:
    """When a recording began, in ns since 1970 (None: not known), and how long it lasts."""

    begun_ns: int | None = None
    lasts_s: float = 0.0

    def at(self, moment_s: float) -> str:
        """Return the time of a moment of the recording; with its date, if the recording has several."""
        time_ns = None if self.begun_ns is None else self.begun_ns + round(moment_s * 1e9)
        if time_ns is None or time_ns < OLDEST_NS:
            return minutes_and_seconds(moment_s)
        told = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC)
        return told.strftime("%Y-%m-%d %H:%M:%S" if self.lasts_s >= DAY_S else "%H:%M:%S")

    @property
    def begun(self) -> str:
        """When the recording began, "" where that is not known."""
        if self.begun_ns is None or self.begun_ns < OLDEST_NS:
            return ""
        return datetime.fromtimestamp(self.begun_ns // 1_000_000_000, UTC).strftime(
            f"%Y-%m-%d{SPACE}%H:%M:%S{SPACE}UTC"
        )


NO_CLOCK = RecordingClock()


def minutes_and_seconds(moment_s: float) -> str:
    """Return a moment as minutes and seconds, with hours where there are any."""
    whole = max(int(moment_s), 0)
    rest = f"{whole // 60 % 60:02}:{whole % 60:02}"
    return f"{whole // 3600}:{rest}" if whole >= 3600 else f"{whole // 60}:{whole % 60:02}"
