"""Keeps rows of packets that may be media in little memory: beyond one part they wait in a temporary file.

RTP is told from random bytes only over several packets with one SSRC. So every RTP-like datagram is a row first; when a
part is full, rows whose SSRC did not come again are dropped and the others are written, sorted by time. They are read
back part by part in the order of time, also where the file was not in order. No address is in a row.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from operator import itemgetter
from typing import BinaryIO

import numpy as np

from talkpath.capture.packets.rows import FEWEST_ROWS, ROW_TYPE, Rows
from talkpath.errors import FileError
from talkpath.wire.pcap.arrays import (
    Words,
    distinct_values,
    group_keys,
    is_among,
    is_ordered,
    joined_records,
    records_at,
)

PART_ROWS = 1 << 18
"""So many rows are measured together; each takes some 200 bytes meanwhile."""
LOAD_ROWS = 1 << 14
STREAM_PATIENCE_S = 30.0


@dataclass(slots=True)
class _Run:
    """Rows on disk in the order of time: where the rest of them lies, and those that are in memory."""

    offset: int
    left: int
    first_s: float
    rows: Rows = field(default_factory=lambda: np.zeros(0, ROW_TYPE))

    def load(self, file: BinaryIO) -> None:
        """Read some more into memory."""
        count = min(self.left, LOAD_ROWS)
        file.seek(self.offset)
        more = np.frombuffer(file.read(count * ROW_TYPE.itemsize), ROW_TYPE)
        self.rows = joined_records([self.rows, more]) if len(self.rows) else more
        self.offset, self.left = self.offset + count * ROW_TYPE.itemsize, self.left - count

    def until(self, at_s: float) -> Rows:
        """Take the rows in memory that came before that time."""
        count = int(np.searchsorted(self.rows["time_s"], at_s))
        taken, self.rows = self.rows[:count], self.rows[count:]
        return taken


class Spool:
    """Rows of all blocks so far. `prune`: drop those whose SSRC does not come again. `in_memory`: nothing waits in a
    file."""

    def __init__(self, prune: bool, in_memory: bool = False) -> None:
        self._prune, self._part, self._in_memory = prune, PART_ROWS, in_memory
        self._pieces: list[Rows] = []
        self._size = self._end = 0
        self._runs: list[tuple[int, int, float]] = []
        self._file: BinaryIO | None = None
        self._known: Words = np.zeros(0, np.uint64)

    def __del__(self) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, rows: Rows) -> None:
        """Keep these rows."""
        if not len(rows):
            return
        self._pieces.append(rows)
        self._size += len(rows)
        if self._size > self._part:
            self._shrink()

    def parts(self) -> Iterator[tuple[Rows, bool]]:
        """Yield all rows, a part at a time and in the order of time, and whether the part is the last."""
        if self._file is None:
            self._pieces = [_joined_pieces(self._pieces)]
            yield self._pieces[0], True
            return
        if self._pieces:
            self._write(_joined_pieces(self._pieces))
            self._pieces, self._size = [], 0
        waiting: list[Rows] = []
        for rows in self._merged(self._file):
            if sum(map(len, waiting)) + len(rows) > self._part and waiting:
                yield _joined_pieces(waiting), False
                waiting = []
            waiting.append(rows)
        yield _joined_pieces(waiting), True

    def _shrink(self) -> None:
        rows = _joined_pieces(self._pieces)
        if self._prune:
            groups = group_keys(rows["key"])
            self._known = distinct_values(np.concatenate([self._known, groups.keys[groups.count >= FEWEST_ROWS]]))
            often = is_among(groups.keys, self._known)[groups.place]
            recent = records_at(rows, ~often & (rows["time_s"] > rows["time_s"].max() - STREAM_PATIENCE_S))
            rows = records_at(rows, often)
        else:
            recent = rows[:0]
        if len(rows) + len(recent) > self._part // 2:
            self._write(joined_records([recent, rows]))
            rows = recent = rows[:0]
        self._pieces = [some for some in (rows, recent) if len(some)]
        self._size = len(rows) + len(recent)

    def _write(self, rows: Rows) -> None:
        rows = _in_time_order(rows)
        try:
            if self._file is None:
                self._file = self._opened()
            self._file.seek(self._end)
            written = rows.view(np.uint8).data
            while written:
                written = written[self._file.write(written) :]
        except OSError as error:
            raise FileError(
                f"There is no room for what must be kept of this recording ({error.strerror}); "
                "name a folder with more in TMPDIR."
            ) from None
        self._runs.append((self._end, len(rows), float(rows["time_s"][0])))
        self._end += len(rows) * ROW_TYPE.itemsize

    def _opened(self) -> BinaryIO:
        return BytesIO() if self._in_memory else tempfile.TemporaryFile(buffering=0)  # closed with the spool

    def _merged(self, file: BinaryIO) -> Iterator[Rows]:
        """Yield the rows of all runs in the order of time; of equal times those come first that were written first."""
        later = [_Run(*run) for run in sorted(self._runs, key=itemgetter(2))]
        opened: list[_Run] = []
        while later or opened:
            if not opened:
                opened.append(later.pop(0))
            for run in opened:
                if run.left and not len(run.rows):
                    run.load(file)
            cut = min((float(run.rows["time_s"][-1]) for run in opened if run.left), default=np.inf)
            if later and later[0].first_s <= cut:
                opened.append(later.pop(0))
                continue
            taken = [run.until(cut) for run in sorted(opened, key=lambda run: run.offset)]
            rows = _joined_pieces([some for some in taken if len(some)])
            if len(rows):
                yield _in_time_order(rows)
            else:  # many at one time
                for run in opened:
                    if run.left:
                        run.load(file)
            opened = [run for run in opened if run.left or len(run.rows)]


def _joined_pieces(pieces: list[Rows]) -> Rows:
    return pieces[0] if len(pieces) == 1 else joined_records([np.zeros(0, ROW_TYPE), *pieces])


def _in_time_order(rows: Rows) -> Rows:
    """Return the rows in the order of time; those of equal times stay as they are."""
    time_s = rows["time_s"]
    return rows if is_ordered(time_s) else records_at(rows, np.argsort(time_s, kind="stable"))
