"""Closes a segment: what was withdrawn is left out, and the rest is gzipped, in one step."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable

from talkpath.observatory.log.line import encode_line
from talkpath.observatory.log.private_files import open_private, sync_folder
from talkpath.observatory.log.records import Record
from talkpath.observatory.log.segments import LogSegment, read_segment

Drop = Callable[[int, Record], bool]


def close_segment(segment: LogSegment, drop: Drop) -> int:
    """Write the segment again, gzipped, without the records to drop; how many were dropped.

    The new file takes its place in one step, with everything in it on the disk; until then the old one stands.
    """
    path = segment.path if segment.sealed else segment.path.with_name(f"{segment.path.name}.gz")
    new = path.with_name(f"{path.name}.new")
    dropped = 0
    with open_private(new, "wb") as raw:
        with gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file:
            for number, record in read_segment(segment):
                if drop(number, record):
                    dropped += 1
                else:
                    file.write(encode_line(number, record))
        raw.flush()
        os.fsync(raw.fileno())
    new.replace(path)
    sync_folder(path.parent)
    if path != segment.path:
        segment.path.unlink()
    return dropped
