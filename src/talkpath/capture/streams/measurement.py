"""Measures streams part by part over all flows of their call, so that a move from relay to peer is not taken for loss.

The parts can be read again where single packets are needed: for pairing with the other end and for the table of
packets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.packets.datagrams import TLS
from talkpath.capture.packets.flows import hash_words
from talkpath.capture.packets.rows import NONE, VIDEO, Rows
from talkpath.capture.packets.spool import Spool
from talkpath.capture.streams.figures import MeasuredPart
from talkpath.capture.streams.headerless import by_cadence, without_copies
from talkpath.capture.streams.part_state import PartState
from talkpath.capture.streams.rtp_order import STREAM_PAUSE_S, rtp_order
from talkpath.capture.streams.stream_stats import StreamStats
from talkpath.capture.streams.timing import rtp_timing
from talkpath.capture.tcp.tls_cadence import TlsCalls
from talkpath.wire.pcap.arrays import Ints, Words, is_among, records_at


@dataclass(frozen=True, slots=True)
class StreamMeasurement:
    """The rows of all streams, and for each flow the call that it belongs to (`group_of`, -1 for none) and its local
    end.

    `sources` are the SSRCs of real RTP streams, `with_rtp` the groups whose RTP carries voice or video.
    """

    media: Spool
    headerless: Spool
    begin_s: float
    group_of: Ints
    local: NDArray[np.int8]
    sources: NDArray[np.uint32]
    tls_calls: TlsCalls
    with_rtp: tuple[int, ...] = ()

    def rtp_parts(self) -> tuple[StreamStats, Iterator[MeasuredPart]]:
        """Return the statistics of RTP streams, and the parts that fill them while they are iterated over."""
        stats = StreamStats(has_header=True)
        return stats, self._rtp_parts(stats)

    def _rtp_parts(self, stats: StreamStats) -> Iterator[MeasuredPart]:
        state = PartState(STREAM_PAUSE_S)
        for spooled, last in self.media.parts():
            rows = state.before(from_begin(self._chosen(spooled), self.begin_s))
            segments = state.split_streams(rows, self._key(rows, rows["ssrc"]), last)
            if not len(segments):
                state.keep(segments)
                continue
            order = rtp_order(segments)
            first = segments.rows[segments.begin]
            numbers, counted = stats.numbers(segments, self._key(first, first["ssrc"]))
            times = rtp_timing(segments, order, stats.clocks(numbers))
            stood = np.round(times.stood_s * times.clock_hz[segments.of]).astype(np.int64)
            state.keep(segments, times.earliest | times.latest, stood)
            part = MeasuredPart(segments, order, times, numbers, counted)
            del spooled, rows, segments, order, times, first  # not beside the next part
            stats.add(part)
            yield part
            del part
        stats.close()

    def _chosen(self, rows: Rows) -> Rows:
        chosen = is_among(rows["ssrc"], self.sources) & (self.group_of[rows["flow"]] >= 0)
        return rows if chosen.all() else records_at(rows, chosen)

    def headerless_parts(self) -> tuple[StreamStats, Iterator[MeasuredPart]]:
        """Do the same for media without a header, in groups that have no other media."""
        stats = StreamStats(has_header=False)
        return stats, self._headerless_parts(stats)

    def _headerless_parts(self, stats: StreamStats) -> Iterator[MeasuredPart]:
        state = PartState(STREAM_PAUSE_S)
        for spooled, last in self.headerless.parts():
            group = self.group_of[spooled["flow"]]
            alone = ~is_among(group, np.sort(np.array(self.with_rtp, np.int64))) | (spooled["outer"] == TLS)
            chosen = (spooled["type"] != NONE) & (group >= 0) & alone & self.tls_calls.inside(spooled)
            rows = state.before(from_begin(records_at(spooled, chosen), self.begin_s))
            segments = state.split_streams(rows, self._key(rows, rows["type"] == VIDEO), last)
            segments = segments.with_rows(without_copies(segments)) if len(segments) else segments
            state.keep(segments)
            if not len(segments):
                continue
            first = segments.rows[segments.begin]
            numbers, counted = stats.numbers(segments, self._key(first, first["type"] == VIDEO))
            part = MeasuredPart(segments, *by_cadence(segments, self._partners(first)), numbers, counted)
            stats.add(part)
            yield part
        stats.close()

    def _partners(self, first: Rows) -> Ints:
        """Return for each stream, by its first row, the one of the same call and medium in the other direction, -1 for
        none."""
        kind = self.group_of[first["flow"]] << 1 | (first["type"] == VIDEO)
        sent = first["direction"] == self.local[first["flow"]]
        keys = list(zip(kind.tolist(), sent.tolist(), strict=True))
        places = {key: place for place, key in enumerate(keys)}
        return np.array([places.get((key, not own), -1) for key, own in keys], np.int64)

    def _key(self, rows: Rows, detail: NDArray[np.generic]) -> Words:
        """Return one number for call, direction and detail."""
        group = self.group_of[rows["flow"]].astype(np.uint64)
        sent = (rows["direction"] == self.local[rows["flow"]]).astype(np.uint64)
        return hash_words(group << np.uint64(34) ^ sent << np.uint64(33) ^ detail.astype(np.uint64))


def from_begin(rows: Rows, begin_s: float) -> Rows:
    """Return the rows with times that count from the earliest packet, which is the first one in most files."""
    if not begin_s:
        return rows
    out = rows.view(f"V{rows.itemsize}").copy().view(rows.dtype)
    out["time_s"] -= begin_s
    return out
