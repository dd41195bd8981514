"""Entries for a log, made up: reports whose bundle is a few bytes, verdicts on them, taps."""

from __future__ import annotations

import hashlib
from pathlib import Path

from talkpath.observatory.log.folder import Folder
from talkpath.observatory.log.log import Log, LogEntry
from talkpath.observatory.log.records import Judged, LoggedVerdict, Received, Tap

DAY = "2026-11-24"


class Clock:
    """A day that tests turn."""

    def __init__(self, day: str = DAY) -> None:
        self.day = day

    def __call__(self) -> str:
        return self.day


def open_log(root: Path, clock: Clock | None = None, sealed_until: str = "") -> Log:
    return Log(Folder(root), clock or Clock(), sealed_until)


def report_entry(number: int, size_bytes: int = 300) -> LogEntry:
    data = hashlib.sha256(str(number).encode()).digest() * (size_bytes // 32 + 1)
    return LogEntry(Received(hashlib.sha256(data).hexdigest(), "", len(data), withdraw="ab" * 32), data)


def verdict_entry(of: LogEntry, state: str = "ok", again: bool = False, rules: int = 1) -> LogEntry:
    said = (LoggedVerdict("signal", "voice", state, "shape"),)
    return LogEntry(Judged(of.record.id, DAY, "2026-11-23", str(rules), "probe", said, again=again))


def tap_entry(number: int) -> LogEntry:
    name = hashlib.sha256(f"tap {number}".encode()).hexdigest()
    return LogEntry(Tap(name, "", DAY, "signal", "voice"))
