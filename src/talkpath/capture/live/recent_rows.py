"""Keeps rows of packets that may be media for some seconds, in memory alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from talkpath.capture.packets.rows import ROW_TYPE, Rows
from talkpath.capture.packets.spool import PART_ROWS, Spool


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
