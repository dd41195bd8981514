"""Adds up the figures of each stream part by part; no packet is kept.

A stream has one row of figures for all parts of the capture that it runs through.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.packets.rows import FRESH_FLAG, SEEN_FLAG
from talkpath.capture.streams.figures import FIGURE_TYPE, MeasuredPart, figures_of, usual_lateness, usual_unevenness
from talkpath.capture.streams.per_second import PACKETS, SecondCells, second_cells
from talkpath.capture.streams.rtp_order import Segments
from talkpath.capture.streams.timing import CLOCK_ROWS, KNOWN_CLOCKS, VIDEO_CLOCK_HZ
from talkpath.measure.arrays import Floats
from talkpath.wire.pcap.arrays import Bools, Ints, Words, records_at

TAIL_ROWS = 20
SLOWEST_VIDEO_HZ, SLOWEST_VOICE_HZ, FRAMED_SHARE = VIDEO_CLOCK_HZ / 2, 8000.0, 0.5

SUMMED_FIGURES = FIGURE_TYPE.names[: FIGURE_TYPE.names.index("begin_s")] if FIGURE_TYPE.names else ()
BEST_FIGURES = (("clock_hz", "clock_rows"), ("packet_s", "packet_rows"), ("type", "type_rows"))


class StreamStats:
    """All streams of one kind. `figures`, `seconds`, `carriers` and `tails` are complete after `close`."""

    def __init__(self, has_header: bool) -> None:
        self.has_header = has_header
        self.figures = np.zeros(0, FIGURE_TYPE)
        self._current: dict[int, int] = {}
        self._size = 0
        self._cells: list[tuple[Ints, SecondCells]] = []
        self._carriers: list[NDArray[np.void]] = []
        self._tails: list[NDArray[np.void]] = []
        self.late_s: list[float] = []
        """The 95th percentile of lateness of each stream, estimated from STEPS_S where there were several parts."""

        self.uneven_s: list[float] = []
        """The median of unevenness of each stream, between the bounds of its class (STEPS_S)."""

    def __len__(self) -> int:
        return self._size

    def numbers(self, segments: Segments, key: Words) -> tuple[Ints, Bools]:
        """Return the stream that each segment is, -1 where nothing of it counts, and the rows that count. `key`: shape
        (m,)."""
        counted = segments.rows["state"] == FRESH_FLAG
        active = segments.total(counted) > 0
        goes_on = segments.total(segments.rows["state"] == SEEN_FLAG) > 0
        numbers = np.full(len(segments), -1, np.int64)
        for place in np.flatnonzero(active).tolist():
            name = int(key[place])
            if not goes_on[place] or name not in self._current:
                self._current[name] = self._size
                self._size += 1
            numbers[place] = self._current[name]
        return numbers, counted

    def clocks(self, numbers: Ints) -> Floats:
        """Return the clocks that are known from enough packets, 0 for the others."""
        inside = (numbers >= 0) & (numbers < len(self.figures))
        out = np.zeros(len(numbers))
        own = self.figures[numbers[inside]]
        out[inside] = np.where(own["clock_rows"] >= CLOCK_ROWS, own["clock_hz"], 0.0)
        return out

    def add(self, part: MeasuredPart) -> None:
        """Add the figures of a part."""
        active = np.flatnonzero(part.numbers >= 0)
        if not len(active):
            return
        numbers, more = part.numbers[active], figures_of(part)[active]
        before = len(self.figures)
        if self._size > before:
            self.figures = np.concatenate([self.figures, np.zeros(self._size - before, FIGURE_TYPE)])
        own = self.figures[numbers]
        fresh = numbers >= before
        for name in SUMMED_FIGURES:
            own[name] += more[name]
        for name, best in (("begin_s", np.minimum), ("end_s", np.maximum), ("gap_s", np.maximum)):
            own[name] = np.where(fresh, more[name], best(own[name], more[name]))
        for name, weight in BEST_FIGURES:
            better = fresh | (more[weight] > own[weight])
            for column in (name, weight):
                own[column] = np.where(better, more[column], own[column])
        own["parts"] += 1
        for name in ("late_s", "first_type", "ssrc", "sequence", "stamp", "flow", "direction"):
            own[name] = np.where(fresh, more[name], own[name])
        self.figures[numbers] = own
        self._cells.append((part.numbers, second_cells(part.segments, part.order, part.times, part.counted)))
        self._carriers.append(_flow_carriers(part))
        self._tails.append(_stream_tails(part))

    def close(self) -> None:
        """Finish: no more parts come."""
        self.seconds = SecondCells.joined(self._cells, self._size)
        self.carriers, self._carried = _by_stream(self._carriers, CARRIER_TYPE, self._size)
        self.tails, self._ended = _by_stream(self._tails, TAIL_ROW_TYPE, self._size)
        self._cells, self._carriers, self._tails = [], [], []
        self.late_s, self.uneven_s = usual_lateness(self.figures), usual_unevenness(self.figures)

    def carriers_of(self, stream: int) -> NDArray[np.void]:
        """Return the flows that carried a stream."""
        return self.carriers[self._carried[stream] : self._carried[stream + 1]]

    def carried(self, stream: int) -> slice:
        """Return which of the carriers are a stream's."""
        return slice(self._carried[stream], self._carried[stream + 1])

    def tail_of(self, stream: int) -> NDArray[np.void]:
        """Return the last packets of a stream."""
        return self.tails[self._ended[stream] : self._ended[stream + 1]]

    def looks_like_video(self, stream: int) -> bool:
        """Tell video by several large packets with one timestamp and a clock of 90 kHz."""
        own = self.figures[stream]
        if not self.has_header:
            return bool(own["pictures"] > 0.2 * own["rows"])
        large, shared = own["bytes"] / own["rows"], own["same"] / max(own["same"] + own["moved"], 1)
        clear = own["clock_hz"] == VIDEO_CLOCK_HZ and own["clock_rows"] >= CLOCK_ROWS
        return bool(clear or (large > 250 and (shared > 0.15 or own["clock_hz"] == VIDEO_CLOCK_HZ or large > 500)))

    def contradicts(self, stream: int, video: bool) -> bool:
        """Does a clock known from many packets show that a stream is not of the medium that its payload type was taken
        for?"""
        own = self.figures[stream]
        known = self.has_header and own["clock_rows"] >= CLOCK_ROWS and own["clock_hz"] in KNOWN_CLOCKS
        return bool(known and (own["clock_hz"] == VIDEO_CLOCK_HZ) != video)

    def moves_as_media(self, stream: int, video: bool) -> bool:
        """Tell whether timestamps move as a call's do, where it has any: those of a voice by whole frames of its codec,
        at 8 kHz or faster; those of pictures by a clock of 90 kHz, which a line that is too slow may slow to half. In
        other protocols with RTP's header they say when something happened: a key of a keyboard, a tick of a game, a
        measurement."""
        own = self.figures[stream]
        is_voices = (
            SLOWEST_VOICE_HZ <= own["clock_hz"] <= VIDEO_CLOCK_HZ and own["framed"] >= FRAMED_SHARE * own["moved"]
        )
        return bool(not self.has_header or (own["clock_hz"] >= SLOWEST_VIDEO_HZ if video else is_voices))

    def seconds_of(self, stream: int) -> set[int]:
        """Return the seconds in which packets of a stream came."""
        cells = self.seconds.of(stream)
        return {*self.seconds.second[cells][self.seconds.values[cells, PACKETS] > 0].tolist()}

    def is_padding(self, stream: int) -> bool:
        """Tell probes and padding by SSRC 0, or by timestamps that never move."""
        own = self.figures[stream]
        return self.has_header and bool(own["ssrc"] == 0 or not own["moved"])


CARRIER_TYPE = np.dtype([("stream", "i8"), ("flow", "i4"), ("direction", "u1"), ("rows", "i8")])
TAIL_ROW_TYPE = np.dtype([("stream", "i8"), ("time_s", "f8"), ("flow", "i4"), ("sequence", "u2"), ("stamp", "u4")])


def _flow_carriers(part: MeasuredPart) -> NDArray[np.void]:
    """Count how many of each stream's rows each flow carried."""
    rows, of = part.segments.rows, part.segments.of
    key = of << 33 | rows["flow"].astype(np.int64) << 1 | rows["direction"].astype(np.int64)
    names, counts = np.unique(key[part.counted], return_counts=True)
    out = np.zeros(len(names), CARRIER_TYPE)
    out["stream"], out["rows"] = part.numbers[names >> 33], counts
    out["flow"], out["direction"] = names >> 1 & 0xFFFFFFFF, names & 1
    return out


def _stream_tails(part: MeasuredPart) -> NDArray[np.void]:
    """Return the last rows of each stream that count."""
    counted = np.flatnonzero(part.counted)
    of = part.segments.of[counted]
    count = np.bincount(of, minlength=len(part.segments))
    last = np.flatnonzero(np.cumsum(count)[of] - np.arange(len(of)) <= TAIL_ROWS)
    rows = records_at(part.segments.rows, counted[last])
    out = np.zeros(len(last), TAIL_ROW_TYPE)
    out["stream"] = part.numbers[of[last]]
    for name in ("time_s", "flow", "sequence", "stamp"):
        out[name] = rows[name]
    return out


def _by_stream(
    pieces: list[NDArray[np.void]], kind: np.dtype[np.void], streams: int
) -> tuple[NDArray[np.void], list[int]]:
    """Sort all rows by stream; return them and where each stream's begin."""
    every = np.concatenate([np.zeros(0, kind), *pieces])
    every = every[np.argsort(every["stream"], kind="stable")]
    return every, np.searchsorted(every["stream"], np.arange(streams + 1)).tolist()
