"""The log, open for writing: the one place where anything becomes part of the observatory's data.

Contract: `commit` returns once all of a group is on the disk; after a crash at any moment each report that it
acknowledged is there, once. An id that is there already is not taken again, nor is a run that came in another file.
Where the disk is full or fails it raises `LogError`, nothing of the group was taken, and what was acknowledged before
is untouched.

Repairs the end of the log after a crash, before anything is added.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from talkpath.apps.contract.shape import is_recorded_app
from talkpath.apps.recorded.record import RecordedShape
from talkpath.apps.recorded.shape_text import read_shape_text
from talkpath.errors import FileError, TalkpathError, in_place_of
from talkpath.evidence.bundle import read_bundle
from talkpath.grouping import grouped_by_key
from talkpath.observatory.log.folder import CANNOT_WRITE_FOLDER, Folder
from talkpath.observatory.log.packs import NotKeptError, pack_path, read_bundle_of, remove_bundle
from talkpath.observatory.log.records import Imported, Judged, Received, Record, Tap, Unfit, Withdrawn
from talkpath.observatory.log.register import Known, Register, RegisterError
from talkpath.observatory.log.segments import (
    BRING_BACK,
    AppendFile,
    LogError,
    LogSegment,
    encode_new_line,
    line_number,
    log_segments,
    read_log,
    segment_path,
)


def repair_end(segment: LogSegment) -> int:
    """Cut off an incomplete or damaged line at the very end: it was never acknowledged.

    `FileError` where whole lines follow a damaged one: that is no crash, and nothing is thrown away.
    """
    data = segment.path.read_bytes()
    number = whole = bad = 0
    for at, line in enumerate(data.splitlines(keepends=True), 1):
        found = line_number(line)
        if found is None:
            bad = bad or at
        elif bad:
            raise FileError(f"{segment.path.name}, line {bad}, is damaged before the file's end; {BRING_BACK}")
        else:
            number, whole = found, whole + len(line)
    if whole < len(data):
        with segment.path.open("r+b") as file:
            file.truncate(whole)
            os.fdatasync(file.fileno())
    return number


Day = Callable[[], str]


class LogEntry(NamedTuple):
    """Something to be taken: a record, and for a received report the bundle's bytes."""

    record: Record
    data: bytes = b""


class Log:
    """An observatory's log. `today` gives the day of UTC. Safe to use from several threads."""

    def __init__(self, folder: Folder, today: Day, sealed_until: str = "") -> None:
        self.folder, self._today = folder, today
        self.sealed_until = sealed_until
        self._lock = threading.RLock()
        self._segment: AppendFile | None = None
        self._pack: AppendFile | None = None
        self._number, self._day, self.last = 0, "", 0
        self._trouble = ""
        self._resume()
        self.register = Register(folder.root / "ids.db")
        try:
            self.register.take(read_log(folder.log, self.register.number))
        except TalkpathError:  # a damaged line, or a register that cannot be written
            self.register.close()
            raise

    def commit(self, group: Sequence[LogEntry]) -> list[bool]:
        """Take a group; for each entry whether it is new (false: it was there already, or belongs to nothing)."""
        with self._lock:
            try:
                fresh = self._commit(group)
            except LogError as error:
                self._trouble = str(error)
                raise
            self._trouble = ""
            return fresh

    @property
    def trouble(self) -> str:
        """Why the last group could not be taken, or the next one could not; "" where all is well."""
        behind = "" if self.register.number == self.last else "ids.db is behind the log; is the disk full?"
        return self._trouble or behind

    def bundle(self, received: Received) -> bytes:
        """The bundle's bytes; `NotKeptError` where they are no longer kept."""
        return read_bundle_of(self.folder.bundles, received)

    def read(self, after: int = 0) -> Iterator[tuple[int, Record]]:
        """All records after that number."""
        return read_log(self.folder.log, after)

    def withdraw(self, known: Known, reason: str = "") -> Withdrawn:
        """Take a report back. Its bundle is gone when this returns; before its day is sealed everything else of it
        follows."""
        received = known.received
        with self._lock:
            tombstone = received.day <= self.sealed_until
            record = Withdrawn(
                id=received.id, day=received.day, measured=known.measured, tombstone=tombstone, reason=reason
            )
            self.commit([LogEntry(record)])
            remove_bundle(self.folder.bundles, received)
        return record

    def seal_until(self, day: str) -> None:
        """Seal the days up to that one: from now on their reports are marked as withdrawn, not removed, and nothing
        more is written into their segments."""
        with self._lock:
            self.sealed_until = max(self.sealed_until, day)
            if self._day <= self.sealed_until:
                self._shut()
                self._day = ""

    def close(self) -> None:
        """Close all files. Everything acknowledged is on the disk already."""
        with self._lock:
            self._shut()
            self.register.close()
            self.folder.close()

    # -- inside ----------------------------------------------------------------------------------------------------

    def _commit(self, group: Sequence[LogEntry]) -> list[bool]:
        self._turn()
        self._catch_up()
        fresh = self._fresh(group)
        wanted = [entry for entry, new in zip(group, fresh, strict=True) if new]
        if wanted:
            self._write(wanted)
        return fresh

    def _catch_up(self) -> None:
        """Tell the register what it missed. Until it knows everything that is in the log nothing more is taken, since
        a report that it does not know would be taken twice."""
        if self.register.number < self.last:
            self.register.take(read_log(self.folder.log, self.register.number))

    def _resume(self) -> None:
        """Find the end of the log, and repair what a crash left there."""
        for segment in reversed(log_segments(self.folder.log)):
            if self._number == 0:
                self._number, self._day = segment.number, "" if segment.sealed else segment.day
            if segment.sealed:
                self.last = max((line_number(line) or 0 for line in segment.lines()), default=0)
            else:
                self.last = repair_end(segment)
            if self.last:
                return

    def _turn(self) -> None:
        """Open the segment of today."""
        today = self._today()
        if today <= self.sealed_until:
            raise LogError("The observatory's clock stands before a day that is sealed; set it right. Nothing is lost.")
        if self._segment is not None and today == self._day:
            return
        self._shut()
        if today != self._day:
            self._number, self._day = self._number + 1, today
        self._segment = _opened_folder(segment_path(self.folder.log, self._number, today))
        self._pack = _opened_folder(pack_path(self.folder.bundles, self._number, today))

    def _shut(self) -> None:
        for file in (self._segment, self._pack):
            if file is not None:
                file.close()
        self._segment = self._pack = None

    def _fresh(self, group: Sequence[LogEntry]) -> list[bool]:
        here: set[tuple[str, str]] = set()
        fresh = []
        there = self.register.among([name for record, _ in group for name in _taken_names(record)])
        for record, _ in group:
            keys = {(type(record).__name__, name) for name in _taken_names(record) or (record.id,)}
            fresh.append(keys.isdisjoint(here) and self._is_fresh(record, there))
            here |= keys
        return fresh

    def _is_fresh(self, record: Record, there: set[str]) -> bool:
        if isinstance(record, Received):
            return there.isdisjoint(_taken_names(record))
        if isinstance(record, Tap | Imported):
            return not self.register.seen(record.id)
        known = self.register.find(record.id)
        if known is None or known.state == "withdrawn":
            return False
        again = isinstance(record, Withdrawn) or (isinstance(record, Judged | Unfit) and record.again)
        return again or known.state == "received"

    def _write(self, group: Sequence[LogEntry]) -> None:
        segment, pack = self._segment, self._pack
        assert segment is not None  # `_turn` opened both
        assert pack is not None
        ends = segment.size_bytes, pack.size_bytes
        try:
            records = self._placed(group, pack.size_bytes)
            numbered = list(enumerate(records, self.last + 1))
            lines = b"".join(encode_new_line(number, record) for number, record in numbered)
            if bundles := [data for record, data in group if isinstance(record, Received)]:
                pack.add_all(bundles)
                pack.sync()
            segment.add(lines)
            segment.sync()
        except LogError:
            with suppress(OSError):
                segment.cut(ends[0])
                pack.cut(ends[1])
            raise
        self.last += len(records)
        with suppress(RegisterError):  # the group is durable, and `_catch_up` tells the register before the next one
            self.register.take(numbered)

    def _placed(self, group: Sequence[LogEntry], at: int) -> list[Record]:
        """The records as they are written: with the log's own day, and with the place of their bundles."""
        records: list[Record] = []
        for record, data in group:
            if isinstance(record, Received):
                placed = replace(record, day=self._day, segment=self._number, at=at, size_bytes=len(data))
                records.append(placed)
                at += len(data)
            else:
                records.append(replace(record, day=self._day) if isinstance(record, Tap | Imported) else record)
        return records


def _taken_names(record: Record) -> set[str]:
    """The ids of a bundle that came in and of its run, by which it is known again."""
    return {record.id, record.run} - {""} if isinstance(record, Received) else set()


def _opened_folder(path: Path) -> AppendFile:
    with in_place_of(OSError, LogError(CANNOT_WRITE_FOLDER)):
        return AppendFile(path)


def seen_shapes(log: Log) -> dict[str, list[str]]:
    """The ids of the reports that the log has of calls like each shape; none that was taken back, and one judged again
    once."""
    apps_of_report: dict[str, set[str]] = {}
    for _, record in log.read():
        if isinstance(record, Judged | Withdrawn):
            said = record.said if isinstance(record, Judged) else ()
            apps_of_report[record.id] = {each.app for each in said if is_recorded_app(each.app)}
    return grouped_by_key((app, report) for report, apps in apps_of_report.items() for app in apps)


def reported_shape(log: Log, app: str) -> RecordedShape:
    """The shape with the digest that `app` names, from a report whose bundle is kept; `FileError` where none is."""
    for known in filter(None, map(log.register.find, seen_shapes(log).get(app, ()))):
        with suppress(NotKeptError):
            facts = read_bundle(log.bundle(known.received)).facts
            if facts is not None and app in {arm.arm.app for arm in facts.plan.arms}:
                return read_shape_text(facts.plan.shape.encode())
    raise FileError("No report that is kept has that shape; `talkpath observe shapes` lists those that were reported.")
