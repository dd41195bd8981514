"""State that a stream carries from one part of the capture to the next, so that results do not depend on where parts
are cut.

The last rows of each stream that has not ended go along (for its sequence numbers, its copies, its usual pause), and
those that lateness is counted from. Rows within HOLD_S of a part's end are counted with the next part, when packets
that were overtaken have come too.
"""

from __future__ import annotations

import numpy as np

from talkpath.capture.packets.rows import EARLY_FLAG, FEWEST_ROWS, FRESH_FLAG, ROW_TYPE, SEEN_FLAG, Rows
from talkpath.capture.streams.rtp_order import Segments, stream_order
from talkpath.capture.streams.timing import LOOK_BACK_S
from talkpath.wire.pcap.arrays import Bools, Ints, Words, group_keys, joined_records, records_at

CARRIED_S = 2.0
LAST_ROWS = 64


class PartState:
    """The state of all streams of one kind of key. A stream ends `live_s` after its last packet."""

    def __init__(self, live_s: float) -> None:
        self._live_s = live_s
        self._rows = np.zeros(0, ROW_TYPE)
        self._short = np.zeros(0, ROW_TYPE)
        self._end_s = -np.inf

    def before(self, rows: Rows) -> Rows:
        """Return the rows that are needed of earlier parts, followed by a part's own."""
        carried = [some for some in (self._rows, self._short) if len(some)]
        return joined_records([*carried, rows]) if carried else rows

    def split_streams(self, rows: Rows, key: Words, last: bool) -> Segments:
        """Split a part's rows into streams; streams of a few packets wait for more, unless it is the last part."""
        groups, time_s = group_keys(key), rows["time_s"]
        self._end_s = float(time_s.max()) if len(rows) else self._end_s
        often = groups.count >= FEWEST_ROWS
        chosen = np.flatnonzero(often[groups.place])
        order, begin = stream_order(time_s[chosen], groups.place[chosen])
        count, order = np.diff(begin, append=len(order)), chosen[order]
        enough = np.repeat(count >= FEWEST_ROWS, count)
        out = Segments.of_counts(records_at(rows, order[enough]), count[count >= FEWEST_ROWS])
        if last:
            return out
        waiting = records_at(rows, np.concatenate([np.flatnonzero(~often[groups.place]), order[~enough]]))
        self._short = records_at(waiting, waiting["time_s"] > self._end_s - self._live_s)
        early = (out.rows["time_s"] > self._end_s - CARRIED_S) & (out.rows["state"] == FRESH_FLAG)
        out.rows["state"][early] = EARLY_FLAG
        return out

    def keep(self, segments: Segments, needed: Bools | None = None, stood: Ints | None = None) -> None:
        """Remember what the next part needs of these, and rows that are `needed` as well. `stood`: for how many ticks
        the media clock of each had stood still by then; rows that stay are told as if it had stood still before
        them."""
        if not len(segments):
            self._rows = segments.rows
            return
        rows, early = segments.rows, segments.rows["state"] == EARLY_FLAG
        last = segments.begin + segments.count - 1
        behind = (last - segments.total(early).astype(np.int64))[segments.of] - np.arange(len(rows))
        kept = early | (behind < LAST_ROWS)
        if needed is not None:
            kept |= needed & (rows["time_s"] > self._end_s - CARRIED_S - 2 * LOOK_BACK_S)
        kept &= (rows["time_s"][last] > self._end_s - self._live_s)[segments.of]
        self._rows = records_at(rows, kept)
        if stood is not None:
            passed = np.maximum(last - segments.total(early).astype(np.int64), segments.begin)[segments.of]
            self._rows["stamp"] -= np.where(early, 0, stood[passed] - stood)[kept].astype(np.uint32)
        self._rows["state"] = np.where(early[kept], FRESH_FLAG, SEEN_FLAG)
