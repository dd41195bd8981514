"""Repairs the end of the log after a crash, before anything is added."""

from __future__ import annotations

import os
from typing import NamedTuple

from talkpath.errors import FileError
from talkpath.observatory.log.line import line_number
from talkpath.observatory.log.segments import LogSegment


class SegmentEnd(NamedTuple):
    """The last whole record of a segment (0: it has none), and how many bytes after it were cut off."""

    number: int
    cut_bytes: int


def repair_end(segment: LogSegment) -> SegmentEnd:
    """Cut off an incomplete or damaged line at the very end: it was never acknowledged.

    `FileError` where whole lines follow a damaged one: that is no crash, and nothing is thrown away.
    """
    data = segment.path.read_bytes()
    number, whole = 0, 0
    bad = False
    for line in data.splitlines(keepends=True):
        found = line_number(line)
        if found is None:
            bad = True
        elif bad:
            raise FileError(
                f"{segment.path.name} is damaged before its end; bring it back from a copy, or take the bad line out."
            )
        else:
            number, whole = found, whole + len(line)
    if whole < len(data):
        _cut_segment(segment, whole)
    return SegmentEnd(number, len(data) - whole)


def _cut_segment(segment: LogSegment, size_bytes: int) -> None:
    handle = os.open(segment.path, os.O_WRONLY)
    try:
        os.ftruncate(handle, size_bytes)
        os.fdatasync(handle)
    finally:
        os.close(handle)
