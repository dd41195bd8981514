"""Counts TLS connections in which small records run steadily both ways, as those of a call inside them would.

Nothing proves that they are calls: a tunnel, a game and a remote desktop look alike, so they are told as what was not
read. Only the first bytes of segments are looked at, and of each connection four numbers are kept.
"""

from __future__ import annotations

import numpy as np

from talkpath.capture.packets.datagrams import Seconds
from talkpath.wire.pcap.arrays import Bytes, Ints, Words
from talkpath.wire.tls import APPLICATION_DATA

SMALL_SEGMENT_BYTES = 400
"""A segment with a voice packet, TURN's header and a TLS record's is no larger."""
MIN_SEALED_S, MIN_SEALED_PER_S, MAX_SEALED_PER_S = 5.0, 12.0, 110.0
"""Voice sends 17 to 50 packets a second, and pictures add to them; over TCP some share a segment."""
MOST_SEALED = 1 << 12
SEALED_STREAM = "TLS connection with small records steadily both ways, as of a call, a tunnel or a game"


class SealedStreams:
    """The small segments of TLS connections, by the key of their flow: how many from either end, first and last."""

    def __init__(self) -> None:
        self._spans: dict[int, tuple[int, int, float, float]] = {}

    def feed(self, head: Bytes, size: Ints, keys: Words, is_upward: Ints, time_s: Seconds) -> None:
        """Take segments by their first bytes, the keys of their flows, and whether the one or the other end (0, 1) sent
        them."""
        rows = np.flatnonzero((head[:, 0] == APPLICATION_DATA) & (head[:, 1] == 3) & (size <= SMALL_SEGMENT_BYTES))
        if not len(rows):
            return
        rows = rows[np.argsort(keys[rows], kind="stable")]
        begin = np.flatnonzero(np.diff(keys[rows], prepend=keys[rows[0]] ^ np.uint64(1)))
        columns = (
            keys[rows[begin]],
            np.diff(begin, append=len(rows)),
            np.add.reduceat(is_upward[rows], begin),
            np.minimum.reduceat(time_s[rows], begin),
            np.maximum.reduceat(time_s[rows], begin),
        )
        for key, count, upward, first_s, last_s in zip(*(column.tolist() for column in columns), strict=True):
            if key in self._spans or len(self._spans) < MOST_SEALED:
                down, up, begin_s, end_s = self._spans.get(key, (0, 0, first_s, last_s))
                span = down + count - upward, up + upward, min(begin_s, first_s), max(end_s, last_s)
                self._spans[key] = span

    def count_steady(self) -> int:
        """Return in how many connections either end sent small records at a pace of a call."""
        return sum(
            end_s - begin_s >= MIN_SEALED_S
            and all(MIN_SEALED_PER_S <= count / (end_s - begin_s) <= MAX_SEALED_PER_S for count in (down, up))
            for down, up, begin_s, end_s in self._spans.values()
        )
