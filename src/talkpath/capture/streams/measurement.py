"""Measures streams part by part over all flows of their call, so that a move from relay to peer is not taken for loss.

The parts can be read again where single packets are needed: for pairing with the other end and for the table of
packets.

State that a stream carries from one part of the capture to the next, so that results do not depend on where parts
are cut.

The last rows of each stream that has not ended go along (for its sequence numbers, its copies, its usual pause, the
fastest of a second), and those that lateness is counted from. Rows within HOLD_S of a part's end are counted with the
next part, when packets that were overtaken have come too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.packets.datagrams import TLS
from talkpath.capture.packets.flows import hash_words
from talkpath.capture.packets.rows import EARLY_FLAG, FEWEST_ROWS, FRESH_FLAG, NONE, ROW_TYPE, SEEN_FLAG, Rows, is_video
from talkpath.capture.packets.spool import Spool
from talkpath.capture.streams.figures import MeasuredPart
from talkpath.capture.streams.headerless import by_cadence, without_copies
from talkpath.capture.streams.rtp_order import STREAM_PAUSE_S, Segments, rtp_order, stream_order
from talkpath.capture.streams.stream_stats import StreamStats
from talkpath.capture.streams.timing import LOOK_BACK_S, rtp_timing
from talkpath.capture.tcp.tls_cadence import TlsCalls
from talkpath.wire.pcap.arrays import Bools, Ints, Words, group_keys, is_among, joined_records, records_at


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

    def streams_of(self, *, has_header: bool) -> tuple[StreamStats, Iterator[MeasuredPart]]:
        """Return the statistics of RTP streams, or of media without a header in groups that have no other, and the
        parts that fill them while they are iterated over."""
        stats = StreamStats(has_header)
        return stats, self._rtp_parts(stats) if has_header else self._headerless_parts(stats)

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
            stood = np.round(times.clock_stall_s * times.clock_hz[segments.of]).astype(np.int64)
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

    def _headerless_parts(self, stats: StreamStats) -> Iterator[MeasuredPart]:
        state = PartState(STREAM_PAUSE_S)
        for spooled, last in self.headerless.parts():
            group = self.group_of[spooled["flow"]]
            alone = ~is_among(group, np.sort(np.array(self.with_rtp, np.int64))) | (spooled["outer"] == TLS)
            chosen = (spooled["type"] != NONE) & (group >= 0) & alone & self.tls_calls.inside(spooled)
            rows = state.before(from_begin(records_at(spooled, chosen), self.begin_s))
            segments = state.split_streams(rows, self._key(rows, is_video(rows)), last)
            segments = segments.with_rows(without_copies(segments)) if len(segments) else segments
            state.keep(segments)
            if not len(segments):
                continue
            first = segments.rows[segments.begin]
            numbers, counted = stats.numbers(segments, self._key(first, is_video(first)))
            part = MeasuredPart(segments, *by_cadence(segments, self._partners(first)), numbers, counted)
            stats.add(part)
            yield part
        stats.close()

    def _partners(self, first: Rows) -> Ints:
        """Return for each stream, by its first row, the one of the same call and medium in the other direction, -1 for
        none."""
        kind = self.group_of[first["flow"]] << 1 | is_video(first)
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
        kept = early | (behind < LAST_ROWS) | (rows["time_s"] > self._end_s - 2 * CARRIED_S)
        if needed is not None:
            kept |= needed & (rows["time_s"] > self._end_s - CARRIED_S - 2 * LOOK_BACK_S)
        kept &= (rows["time_s"][last] > self._end_s - self._live_s)[segments.of]
        self._rows = records_at(rows, kept)
        if stood is not None:
            passed = np.maximum(last - segments.total(early).astype(np.int64), segments.begin)[segments.of]
            self._rows["stamp"] -= np.where(early, 0, stood[passed] - stood)[kept].astype(np.uint32)
        self._rows["state"] = np.where(early[kept], FRESH_FLAG, SEEN_FLAG)
