"""The log's files: durable appending, lines with a checksum, one file a day (gzip once it is sealed).

A file that only grows, and what happens when it cannot.

Contract: what `add` wrote and `sync` returned from is on the disk. Where the disk is full nothing of the call stays in
the file, and the next call may succeed. After a failed sync nobody knows what is on the disk, and the file takes
nothing more until it is opened again.

The log's files: one segment a day, in order of their numbers, plain while open and gzipped once sealed.

    log/000017-2026-11-24.log      lines as below
    log/000016-2026-11-23.log.gz   the same, sealed

A segment's number tells the order, not its day: a clock that was set back makes a new segment with an old day.

Reads and writes one line of a segment: CRC-32 in hex, the record's number, the record as JSON.

    8c736521 17 {"type":"tap", …}

Numbers grow by one from line to line over all segments. The CRC is over all that follows it on the line: a line that
was cut short by a crash, or changed on the disk, is known by it.

No new line is longer than MOST_LINE_BYTES: a record is a summary, and the bundle beside it has the rest.
"""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

import msgspec

from talkpath.errors import FileError, TalkpathError, WireError, in_place_of
from talkpath.observatory.log.records import Record, decode_record, encode_record
from talkpath.serving.private_files import sync_folder

MAX_APPENDED_TOGETHER = 512  # parts that are written at once; a system takes 1024
BRING_BACK = "bring the file back from a backup, or take that line out."
DISK_FAILED = "The log's disk failed; look at the disk, then start again. What was acknowledged is there."


class LogError(TalkpathError):
    """The log took nothing. Its disk is full, or failed."""


class AppendFile:
    """One open file that grows."""

    def __init__(self, path: Path) -> None:
        new = not path.exists()
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.size_bytes = os.fstat(self._handle).st_size
        self._broken = False
        if new:
            sync_folder(path.parent)

    def add(self, data: bytes) -> None:
        """Write at the end. It is not on the disk yet."""
        self.add_all((data,))

    def add_all(self, parts: Sequence[bytes]) -> None:
        """Write many parts one after the other; all of them or none."""
        if self._broken:
            raise LogError(DISK_FAILED)
        begin = self.size_bytes
        try:
            for first in range(0, len(parts), MAX_APPENDED_TOGETHER):
                self._write(parts[first : first + MAX_APPENDED_TOGETHER])
        except OSError:
            self.cut(begin)
            raise LogError("The log's disk is full or cannot be written; nothing was taken, make room.") from None

    def _write(self, parts: Sequence[bytes]) -> None:
        size = sum(map(len, parts))
        done = os.writev(self._handle, parts)
        left = memoryview(b"".join(parts))[done:] if done < size else b""
        while left:
            left = left[os.write(self._handle, left) :]
        self.size_bytes += size

    def cut(self, size_bytes: int) -> None:
        """Remove what was added after that byte and not synced."""
        try:
            os.ftruncate(self._handle, size_bytes)
            self.size_bytes = size_bytes
        except OSError:
            self._broken = True

    def sync(self) -> None:
        """Return once all that was added is on the disk."""
        try:
            os.fdatasync(self._handle)
        except OSError:  # the kernel may have dropped what it could not write
            self._broken = True
            raise LogError(DISK_FAILED) from None

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)


CRC_CHARACTERS = 8
MAX_LOG_LINE_BYTES = 16 << 10


def encode_new_line(number: int, record: Record) -> bytes:
    """The line of a new record, with its end; `LogError` for a record that is larger than a line may be."""
    line = encode_line(number, record)
    if len(line) > MAX_LOG_LINE_BYTES:
        raise LogError("A record is larger than a line of the log may be; it was not written.")
    return line


def encode_line(number: int, record: Record) -> bytes:
    """The line of a record that is in the log already, with its end."""
    body = b"%d %b" % (number, encode_record(record))
    return b"%08x %b\n" % (zlib.crc32(body), body)


def line_number(line: bytes) -> int | None:
    """The number of a line that is whole; None for one that is not."""
    crc, _, body = line.removesuffix(b"\n").partition(b" ")
    number = body.partition(b" ")[0]
    whole = line.endswith(b"\n") and len(crc) == CRC_CHARACTERS and number.isdigit()
    return int(number) if whole and crc == b"%08x" % zlib.crc32(body) else None


def decode_line(line: bytes) -> tuple[int, Record]:
    """(number, record); `WireError` for a line that is not whole, or of a newer talkpath."""
    number = line_number(line)
    if number is None:
        raise WireError("a line of the log is damaged")
    try:
        return number, decode_record(line.split(b" ", 2)[2])
    except msgspec.MsgspecError:
        raise WireError("a line of the log is no record that this talkpath reads") from None


NEAR_BYTES = 64 << 10
DAMAGED_GZIP = (OSError, EOFError, zlib.error)  # what reading a damaged file meets
SEGMENT_NAME = re.compile(r"(\d{6,})-(\d{4}-\d\d-\d\d)\.log(\.gz)?")


class LogSegment(NamedTuple):
    """One file of the log."""

    number: int
    day: str
    path: Path

    @property
    def sealed(self) -> bool:
        """Whether the segment is finished."""
        return self.path.suffix == ".gz"

    def lines(self, after: int = 0) -> Iterator[bytes]:
        """All lines, damaged ones included; most of those up to the number `after` are left out, which is quick in an
        open segment. A last line without its end, which is still being written, is left out too. `FileError` where a
        sealed segment is damaged or cut short."""
        damaged = FileError(f"{self.path.name} is damaged, or its end is missing; bring the file back from a backup.")
        with in_place_of(DAMAGED_GZIP, damaged), gzip.open(self.path) if self.sealed else self.path.open("rb") as file:
            if after and isinstance(file, BufferedReader):
                file.seek(_offset_near(file, after))
            yield from (line for line in file if line.endswith(b"\n"))


def segment_path(folder: Path, number: int, day: str) -> Path:
    """Where an open segment lies."""
    return folder / f"{number:06d}-{day}.log"


def log_segments(folder: Path) -> list[LogSegment]:
    """All segments in order. Of one that was sealed a moment before a crash, the sealed one alone."""
    found: dict[int, LogSegment] = {}
    for path in sorted(folder.iterdir(), key=lambda path: path.suffix == ".gz"):
        if match := SEGMENT_NAME.fullmatch(path.name):
            found[int(match[1])] = LogSegment(int(match[1]), match[2], path)
    return [found[number] for number in sorted(found)]


def read_log(folder: Path, after: int = 0) -> Iterator[tuple[int, Record]]:
    """(number, record) of all records after that number, in order; `FileError` where a line is damaged."""
    for segment in _segments_from(log_segments(folder), after):
        for line in segment.lines(after):
            number, record = _segment_record(segment, line)
            if number > after:
                yield number, record


def read_segment(segment: LogSegment) -> Iterator[tuple[int, Record]]:
    """(number, record) of one segment; `FileError` where a line is damaged."""
    for line in segment.lines():
        yield _segment_record(segment, line)


def _offset_near(file: BufferedReader, after: int) -> int:
    """A byte where a line begins, before which no line has a greater number, and not far before the first that has."""
    low, high = 0, file.seek(0, os.SEEK_END)
    while high - low > NEAR_BYTES:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline()  # the rest of one
        begin = file.tell()
        number = line_number(file.readline())
        if number is not None and number <= after:
            low = begin
        else:
            high = middle
    return low


def _segment_record(segment: LogSegment, line: bytes) -> tuple[int, Record]:
    try:
        return decode_line(line)
    except WireError as error:
        at = next((at for at, each in enumerate(segment.lines(), 1) if each == line), 0)
        said = f"{segment.path.name}, line {at}: {error}; {BRING_BACK}"
        raise FileError(said) from None


def _segments_from(every: list[LogSegment], after: int) -> list[LogSegment]:
    """The segments without those that end before the number: the next one's first line is not after it."""
    keep = len(every)
    for at in range(len(every) - 1, -1, -1):
        keep = at
        first = next((line_number(line) for line in every[at].lines()), None)
        if first is not None and first <= after:
            break
    return every[keep:]
