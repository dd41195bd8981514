"""Reads the pcap container (draft-ietf-opsawg-pcap), both byte orders, µs and ns, and Kuznetzov's variant.

`records` finds where records begin; their fields are read by numpy over the block.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from talkpath.wire.pcap.arrays import Bools, Bytes, Ints, bytes_at
from talkpath.wire.pcap.frames import Frames
from talkpath.wire.pcap.records import MAX_FRAME_BYTES, record_starts
from talkpath.wire.pcap.window import Window

MAX_RECOVERIES = 50
SEARCH_BYTES = 1 << 15

MAGICS = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000, 16),
    b"\xa1\xb2\xc3\xd4": (">", 1000, 16),
    b"\x4d\x3c\xb2\xa1": ("<", 1, 16),
    b"\xa1\xb2\x3c\x4d": (">", 1, 16),
    b"\x34\xcd\xb2\xa1": ("<", 1000, 24),
    b"\xa1\xb2\xcd\x34": (">", 1000, 24),
}


@dataclass(frozen=True, slots=True)
class _Layout:
    """The layout of this file's records."""

    order: str
    tick_ns: int
    header: int
    link: int

    def fields(self, data: Bytes, at: Ints) -> tuple[Ints, Ints, Ints, Ints]:
        """Return (seconds, fraction, captured, size) of the record headers at these offsets."""
        columns = bytes_at(data, at, 16).view(f"{self.order}u4").astype(np.int64)
        return columns[:, 0], columns[:, 1], columns[:, 2], columns[:, 3]


def classic_frames(source: Window) -> Iterator[Frames]:
    """Yield the frames of the file, a block at a time."""
    source.more(0)
    order, tick_ns, header = MAGICS[bytes(source.data[:4])]
    if source.end < 24:
        source.unread.note("file cut off in its header")
        return
    (link,) = struct.unpack_from(order + "I", source.data, 20)
    layout = _Layout(order, tick_ns, header, link & 0xFFFF)
    recovery = Recovery(source, layout)
    done = 24
    while True:
        starts, done = _walk_records(source.data, done, source.end, layout)
        if len(starts):
            yield _record_frames(source, starts, layout)
        if recovery.needed(done):
            done = recovery.resume(done)
            if done < source.end:
                continue
        if not source.more(done):
            break
        done = recovery.resume(0) if recovery.lost else 0
    if source.end and not recovery.lost:
        source.unread.note("record cut off at the end of the file")


def _walk_records(data: bytearray, at: int, end: int, layout: _Layout) -> tuple[Ints, int]:
    """Return the offsets of the whole records from `at` on, and where the first incomplete one begins."""
    starts = record_starts(data, at, end, layout.order, layout.header)
    if not len(starts):
        return starts, at
    last = int(starts[-1])
    (captured,) = struct.unpack_from(layout.order + "I", data, last + 8)
    at = last + layout.header + captured
    return (starts[:-1], last) if at > end else (starts, at)


def _record_frames(source: Window, starts: Ints, layout: _Layout) -> Frames:
    """Read the record headers. Records of only zeros are space that a crashed program had reserved and not filled."""
    raw = np.frombuffer(source.data, np.uint8)
    seconds, fraction, captured, size = layout.fields(raw, starts)
    written = (seconds | captured | size) != 0
    if not written.all():
        source.unread.note("empty record", int((~written).sum()))
        starts, seconds, fraction, captured, size = (
            column[written] for column in (starts, seconds, fraction, captured, size)
        )
    return Frames(
        data=raw,
        start=starts + layout.header,
        captured=captured,
        size=np.maximum(size, captured),
        time_ns=seconds * 1_000_000_000 + fraction * layout.tick_ns,
        link=np.full(len(starts), layout.link, np.int64),
        link_direction=np.full(len(starts), -1, np.int8),
    )


class Recovery:
    """Finds the next records behind a damaged one, a limited number of times."""

    def __init__(self, source: Window, layout: _Layout) -> None:
        self._source, self._layout = source, layout
        self._tries = 0
        self.lost = False

    def needed(self, at: int) -> bool:
        """Whether the record that begins at `at` is damaged, not merely cut by the end of the block."""
        if self._source.end - at < self._layout.header:
            return False
        (captured,) = struct.unpack_from(self._layout.order + "I", self._source.data, at + 8)
        return bool(captured > MAX_FRAME_BYTES)

    def resume(self, at: int) -> int:
        """Return the offset of two plausible records in a row behind `at`; else set `lost` and return the end."""
        source = self._source
        if not self.lost:
            source.unread.note("damaged record")
            self._tries += 1
        resumed = self._search(at) if self._tries <= MAX_RECOVERIES else source.end
        self.lost = resumed == source.end
        source.unread.note("bytes skipped after damage", resumed - at)
        return resumed

    def _search(self, at: int) -> int:
        raw, end = np.frombuffer(self._source.data, np.uint8), self._source.end
        for piece in range(at, end, SEARCH_BYTES):
            here = np.arange(piece, min(piece + SEARCH_BYTES, end - self._layout.header), dtype=np.int64)
            sound, after = _plausible_headers(raw, here, self._layout)
            here, after = here[sound], after[sound]
            inside = after <= end - self._layout.header
            here, after = here[inside], after[inside]
            found = here[_plausible_headers(raw, after, self._layout)[0]]
            if len(found):
                return int(found[0])
        return end


def _plausible_headers(data: Bytes, at: Ints, layout: _Layout) -> tuple[Bools, Ints]:
    """Return which offsets can be record headers, and where each record would end."""
    seconds, fraction, captured, size = layout.fields(data, at)
    whole = (captured >= 14) & (captured <= size) & (size <= MAX_FRAME_BYTES)
    timely = (seconds > 0) & (fraction * layout.tick_ns < 1_000_000_000)
    return whole & timely, at + layout.header + captured
