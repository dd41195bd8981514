"""From part to part of all rows: what each stream needs of the part before, so that no seam shows.

The last rows of each living stream go along (its sequence numbers, its copies, its usual pause), and those that
lateness is counted from. What came within HOLD_S of a part's end is counted with the next one, when packets that were
overtaken have come too.
"""

from __future__ import annotations

import numpy as np

from talkpath.capture.packets.rows import EARLY, FEWEST, FRESH, ROW, SEEN, Rows
from talkpath.capture.streams.rtp_order import Segments, segments
from talkpath.capture.streams.timing import LOOK_BACK_S
from talkpath.wire.pcap.arrays import Bools, Words

HOLD_S = 2.0
LAST_ROWS = 64


class Carry:
    """For the streams of one kind of key. A stream lives for `live_s` after its last packet."""

    def __init__(self, live_s: float) -> None:
        self._live_s = live_s
        self._rows = np.zeros(0, ROW)
        self._short = np.zeros(0, ROW)
        self._end_s = -np.inf

    def before(self, rows: Rows) -> Rows:
        """A part's rows behind those that are needed of the parts before."""
        carried = [one for one in (self._rows, self._short) if len(one)]
        return np.concatenate([*carried, rows]) if carried else rows

    def segments(self, rows: Rows, key: Words, last: bool) -> Segments:
        """The streams among a part's rows; those of a few packets wait for more, unless it is the last part."""
        _, inverse, times = np.unique(key, return_inverse=True, return_counts=True)
        often = (times >= FEWEST)[inverse]
        self._end_s = float(rows["time_s"].max()) if len(rows) else self._end_s
        short = [rows[~often]]
        found = segments(rows, key) if often.all() else segments(rows[often], key[often])
        enough = found.count >= FEWEST
        if not enough.all():
            short.append(found.rows[~enough[found.of]])
            found = found.where(enough)
        if last:
            return found
        waiting = np.concatenate(short)
        self._short = waiting[waiting["time_s"] > self._end_s - self._live_s]
        early = (found.rows["time_s"] > self._end_s - HOLD_S) & (found.rows["state"] == FRESH)
        found.rows["state"][early] = EARLY
        return found

    def keep(self, found: Segments, needed: Bools | None = None) -> None:
        """Remember what the next part needs of these, and rows that are `needed` as well."""
        if not len(found):
            self._rows = found.rows
            return
        rows, early = found.rows, found.rows["state"] == EARLY
        last = found.begin + found.count - 1
        behind = (last - found.total(early).astype(np.int64))[found.of] - np.arange(len(rows))
        kept = early | (behind < LAST_ROWS)
        if needed is not None:
            kept |= needed & (rows["time_s"] > self._end_s - HOLD_S - 2 * LOOK_BACK_S)
        kept &= (rows["time_s"][last] > self._end_s - self._live_s)[found.of]
        self._rows = rows[kept]
        self._rows["state"] = np.where(early[kept], FRESH, SEEN)
