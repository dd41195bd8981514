"""Scans a stream as it arrives and measures the calls of its last seconds.

Flows and what recognisers know are kept, so that a call keeps its app; rows and counts by second are kept for WINDOW_S.

Keeps rows of packets that may be media for some seconds, in memory alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import numpy as np

from talkpath.capture.calls.records import MeasuredCapture, measure_calls
from talkpath.capture.packets.rows import ROW_TYPE, Rows
from talkpath.capture.packets.spool import PART_ROWS, Spool
from talkpath.capture.scan import Scan, ScanLimits
from talkpath.errors import WireError


class RecentRows(Spool):
    """A `Spool` whose old rows are dropped."""

    def __init__(self) -> None:
        super().__init__(prune=False, in_memory=True)
        self._recent: list[Rows] = []
        self.added = 0
        """How many rows came in all."""

    def add(self, rows: Rows) -> None:
        """Keep these rows; where there are too many, drop the oldest."""
        if not len(rows):
            return
        self._recent.append(rows)
        self.added += len(rows)
        while len(self._recent) > 1 and sum(map(len, self._recent)) > PART_ROWS:
            self._recent.pop(0)

    def forget(self, before_s: float) -> None:
        """Drop rows that came before that time."""
        kept = (rows[rows["time_s"] >= before_s] for rows in self._recent)
        self._recent = [rows for rows in kept if len(rows)]

    def parts(self) -> Iterator[tuple[Rows, bool]]:
        """Yield all rows as one part."""
        yield np.concatenate([np.zeros(0, ROW_TYPE), *self._recent]), True


RECENT_WINDOW_S = 20.0
PART_LIMITS = ScanLimits(crowded_flows=1 << 13, block_bytes=1 << 20)
"""With more flows in a part, a new one must show some packets first, as media does: a flood of flows of one packet each
fills no memory. It is above MOST_RECENT_FLOWS, which is looked at once a second."""
MOST_NOTED_CONNECTIONS = 1 << 14
MOST_RECENT_FLOWS, MOST_RECENT_ROWS, MOST_SECONDS_OF_FLOWS = 1 << 12, 1 << 18, 1 << 18
"""What a scan of a stream holds before another one begins, at a moment without a call."""
OVERDUE_FACTOR = 4
"""With a call it may hold so many times as much."""


class RecentScan:
    """The scan of one part of the stream. Times count from the stream's first packet, which came at `begin_ns` (None:
    it is still to come)."""

    def __init__(self, begin_ns: int | None = None) -> None:
        self._media, self._headerless = RecentRows(), RecentRows()
        self._scan = Scan(
            media=self._media,
            headerless=self._headerless,
            clocks=[(begin_ns, begin_ns)] if begin_ns else [],
            limits=PART_LIMITS,
        )
        self._seconds_of_flows = 0

    @property
    def packets(self) -> int:
        """How many packets came."""
        return self._scan.packets

    @property
    def fullness(self) -> float:
        """How much of what one part may hold is held: 1.0 is all of it."""
        rows = max(self._media.added, self._headerless.added)
        shares = (
            len(self._scan.flows) / MOST_RECENT_FLOWS,
            rows / MOST_RECENT_ROWS,
            self._scan.tcp.noted / MOST_NOTED_CONNECTIONS,
            self._seconds_of_flows / MOST_SECONDS_OF_FLOWS,
        )
        return max(shares)

    def feed(self, file: bytes) -> None:
        """Take packets as a capture file (`RecordSplitter.take`)."""
        if not file:
            return
        before = self._scan.activity.held
        try:
            for block in self._scan.reader.blocks(BytesIO(file)):
                self._scan.feed(block)
        except WireError:  # the reading of the whole stream says so
            return
        self._seconds_of_flows += self._scan.activity.held - before

    def measured(self) -> MeasuredCapture:
        """Measure the calls of the last seconds."""
        since_s = self._scan.end_s - RECENT_WINDOW_S
        self._media.forget(since_s)
        self._headerless.forget(since_s)
        self._scan.activity.forget(since_s)
        return measure_calls(self._scan)
