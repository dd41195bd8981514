"""What is known of each stream, added up part by part; no packet is kept.

A stream has one row of figures for all parts of the capture that it runs through. All figures of all streams of a part
are worked out at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.packets.rows import FRESH, SEEN, VIDEO
from talkpath.capture.streams.per_second import SecondCells, second_cells
from talkpath.capture.streams.rtp_order import Segments, Sequence
from talkpath.capture.streams.timing import CLOCKS, FREEZE_S, Floats, Timing
from talkpath.wire.pcap.arrays import Bools, Ints, Words

LATE_SHARE = 0.95
LONGEST_STEP_S = 2.0
CLOCK_ROWS = 50
TAIL = 20
PICTURES_HZ = 90000
STEPS_S = np.geomspace(2e-4, 30, 47)
"""Lateness is counted in steps, each 1.3 times the one before."""

FIGURE = np.dtype(
    [
        ("rows", "i8"),
        ("packets", "i8"),
        ("lost", "i8"),
        ("losses", "i8"),
        ("reordered", "i8"),
        ("bytes", "i8"),
        ("freezes", "i8"),
        ("frozen_s", "f8"),
        ("jitter_s", "f8"),
        ("jitters", "i8"),
        ("late", "i4", len(STEPS_S) + 1),
        ("same", "i8"),
        ("moved", "i8"),
        ("pictures", "i8"),
        ("tens", "i8"),
        ("eighties", "i8"),
        ("begin_s", "f8"),
        ("end_s", "f8"),
        ("gap_s", "f8"),
        ("parts", "i4"),
        ("late_s", "f8"),
        ("clock_hz", "f8"),
        ("clock_rows", "i8"),
        ("packet_s", "f8"),
        ("packet_rows", "i8"),
        ("type", "u1"),
        ("type_rows", "i8"),
        ("first_type", "u1"),
        ("ssrc", "u4"),
        ("flow", "i4"),
        ("way", "u1"),
    ]
)
"""Sums over the rows of a stream: `rows` are packets with their copies, `losses` runs of lost packets, `jitter_s` the
sum of `jitters` values, `late` how many rows were so late (STEPS_S), `same` and `moved` packets with the timestamp of
the one before and with another, `pictures` those that look like video without a header, `tens` and `eighties` whose
payload is a multiple of so many bytes. Then extremes; `late_s` is the 95th percentile of the first of `parts`;
`clock_hz`, `packet_s` and `type` of the part that told it from most rows; what the first row said."""

SUMS = FIGURE.names[: FIGURE.names.index("begin_s")] if FIGURE.names else ()
BEST = (("clock_hz", "clock_rows"), ("packet_s", "packet_rows"), ("type", "type_rows"))


@dataclass(slots=True)
class Part:
    """One part measured. `numbers`: which stream of the ledger each segment is, -1 where nothing of it counts yet;
    `counted`: the rows that count now."""

    found: Segments
    order: Sequence
    times: Timing
    numbers: Ints
    counted: Bools

    def of(self, segment: int) -> Ints:
        """The rows of one segment that count now."""
        begin = int(self.found.begin[segment])
        rows = np.arange(begin, begin + int(self.found.count[segment]))
        return rows[self.counted[rows]]


class Ledger:
    """All streams of one kind. `figures`, `seconds`, `carriers` and `tails` are there after `close`."""

    def __init__(self, has_header: bool) -> None:
        self.has_header = has_header
        self.figures = np.zeros(0, FIGURE)
        self._current: dict[int, int] = {}
        self._size = 0
        self._cells: list[tuple[Ints, SecondCells]] = []
        self._carriers: list[NDArray[np.void]] = []
        self._tails: list[NDArray[np.void]] = []

    def __len__(self) -> int:
        return self._size

    def numbers(self, found: Segments, key: Words) -> tuple[Ints, Bools]:
        """The stream that each segment is, -1 where nothing of it counts; the rows that count. `key`: shape (m,)."""
        counted = found.rows["state"] == FRESH
        active = found.total(counted) > 0
        goes_on = found.total(found.rows["state"] == SEEN) > 0
        numbers = np.full(len(found), -1, np.int64)
        for place in np.flatnonzero(active).tolist():
            name = int(key[place])
            if not goes_on[place] or name not in self._current:
                self._current[name] = self._size
                self._size += 1
            numbers[place] = self._current[name]
        return numbers, counted

    def clocks(self, numbers: Ints) -> Floats:
        """Clocks that enough packets have told already, 0 for the others."""
        inside = (numbers >= 0) & (numbers < len(self.figures))
        out = np.zeros(len(numbers))
        own = self.figures[numbers[inside]]
        out[inside] = np.where(own["clock_rows"] >= CLOCK_ROWS, own["clock_hz"], 0.0)
        return out

    def add(self, part: Part) -> None:
        """Add a part's figures up."""
        active = np.flatnonzero(part.numbers >= 0)
        if not len(active):
            return
        numbers, more = part.numbers[active], _figures(part)[active]
        before = len(self.figures)
        if self._size > before:
            self.figures = np.concatenate([self.figures, np.zeros(self._size - before, FIGURE)])
        own = self.figures[numbers]
        fresh = numbers >= before
        for name in SUMS:
            own[name] += more[name]
        for name, best in (("begin_s", np.minimum), ("end_s", np.maximum), ("gap_s", np.maximum)):
            own[name] = np.where(fresh, more[name], best(own[name], more[name]))
        for name, weight in BEST:
            better = fresh | (more[weight] > own[weight])
            for column in (name, weight):
                own[column] = np.where(better, more[column], own[column])
        own["parts"] += 1
        for name in ("late_s", "first_type", "ssrc", "flow", "way"):
            own[name] = np.where(fresh, more[name], own[name])
        self.figures[numbers] = own
        self._cells.append((part.numbers, second_cells(part.found, part.order, part.times, part.counted)))
        self._carriers.append(_carriers(part))
        self._tails.append(_tails(part))

    def close(self) -> None:
        """No more parts come."""
        self.seconds = SecondCells.joined(self._cells, self._size)
        self.carriers, self._carried = _by_stream(self._carriers, CARRIER, self._size)
        self.tails, self._ended = _by_stream(self._tails, LAST, self._size)
        self._cells, self._carriers, self._tails = [], [], []

    def carriers_of(self, stream: int) -> NDArray[np.void]:
        """The flows that carried a stream."""
        return self.carriers[self._carried[stream] : self._carried[stream + 1]]

    def carried(self, stream: int) -> slice:
        """Which of the carriers are a stream's."""
        return slice(self._carried[stream], self._carried[stream + 1])

    def tail_of(self, stream: int) -> NDArray[np.void]:
        """Its last packets."""
        return self.tails[self._ended[stream] : self._ended[stream + 1]]

    def late_s(self, stream: int) -> float:
        """The 95th percentile of lateness; put together from steps where there were several parts."""
        own = self.figures[stream]
        if own["parts"] == 1:
            return float(own["late_s"])
        step = int(np.searchsorted(np.cumsum(own["late"]), LATE_SHARE * own["rows"]))
        return float(np.sqrt(STEPS_S[max(step - 1, 0)] * STEPS_S[min(step, len(STEPS_S) - 1)]))

    def looks_like_video(self, stream: int) -> bool:
        """Pictures come in several large packets with one timestamp and a clock of 90 kHz."""
        own = self.figures[stream]
        if not self.has_header:
            return bool(own["pictures"] > 0.2 * own["rows"])
        large, shared = own["bytes"] / own["rows"], own["same"] / max(own["same"] + own["moved"], 1)
        clear = own["clock_hz"] == PICTURES_HZ and own["clock_rows"] >= CLOCK_ROWS
        return bool(clear or (large > 250 and (shared > 0.15 or own["clock_hz"] == PICTURES_HZ or large > 500)))

    def contradicts(self, stream: int, video: bool) -> bool:
        """Does a clock told by many packets say that a stream is not what its payload type was taken for?"""
        own = self.figures[stream]
        known = self.has_header and own["clock_rows"] >= CLOCK_ROWS and own["clock_hz"] in CLOCKS
        return bool(known and (own["clock_hz"] == PICTURES_HZ) != video)

    def is_padding(self, stream: int) -> bool:
        """Probes and padding: SSRC 0, or timestamps that never move."""
        own = self.figures[stream]
        return self.has_header and bool(own["ssrc"] == 0 or not own["moved"])


def _figures(part: Part) -> NDArray[np.void]:
    found, order, times, counted = part.found, part.order, part.times, part.counted
    rows, begin = found.rows, found.begin
    out = np.zeros(len(found), FIGURE)
    first = np.zeros(len(rows), np.bool_)
    first[begin] = True
    same = np.diff(rows["stamp"], prepend=rows["stamp"][:1]) == 0
    valid = counted & ~np.isnan(times.jitter_s)
    payload = rows["size"].astype(np.int64) - 12
    sums = {
        "rows": counted,
        "packets": counted & order.fresh,
        "lost": np.where(counted, order.missing, 0),
        "losses": counted & (order.missing > 0),
        "reordered": counted & order.late,
        "bytes": np.where(counted, rows["size"], 0),
        "freezes": counted & (times.frozen_s >= FREEZE_S),
        "frozen_s": np.where(counted, times.frozen_s, 0.0),
        "jitter_s": np.where(valid, times.jitter_s, 0.0),
        "jitters": valid,
        "same": counted & same & ~first,
        "moved": counted & ~same & ~first,
        "pictures": counted & (rows["type"] == VIDEO),
        "tens": counted & (payload % 10 == 0),
        "eighties": counted & (payload % 80 == 0),
    }
    for name, values in sums.items():
        out[name] = found.total(values)
    arrival = rows["time_s"]
    step = found.of[counted] * out["late"].shape[1] + np.searchsorted(STEPS_S, times.late_s[counted])
    out["late"] = np.bincount(step, minlength=out["late"].size).reshape(out["late"].shape)
    out["late_s"] = _quantile(part, times.late_s, LATE_SHARE)
    out["begin_s"] = np.minimum.reduceat(np.where(counted, arrival, np.inf), begin)
    out["end_s"] = np.maximum.reduceat(np.where(counted, arrival, -np.inf), begin)
    out["gap_s"] = np.maximum.reduceat(np.where(counted, times.gap_s, 0.0), begin)
    out["clock_hz"], out["clock_rows"] = times.clock_hz, np.where(times.clock_hz > 0, found.count, 0)
    out["packet_s"], out["packet_rows"] = _packet_s(part)
    out["type"], out["type_rows"] = _commonest(found, rows["type"].astype(np.int64) & 0x7F)
    out["first_type"] = rows["type"][begin] & 0x7F
    for name in ("ssrc", "flow", "way"):
        out[name] = rows[name][begin]
    return out


def _quantile(part: Part, values: Floats, share: float) -> Floats:
    """The value that `share` of each segment's counted rows do not exceed, 0 where none counts."""
    of, values = part.found.of[part.counted], values[part.counted]
    order = np.lexsort((values, of))
    count = np.bincount(of, minlength=len(part.found))
    place = np.cumsum(count) - count + np.ceil(share * np.maximum(count - 1, 0)).astype(np.int64)
    chosen: Floats = np.where(count > 0, values[order][np.minimum(place, max(len(of) - 1, 0))], 0.0)
    return chosen


def _commonest(found: Segments, values: Ints) -> tuple[Ints, Ints]:
    """The most frequent small value of each segment, and how often it is there."""
    pairs, counts = np.unique(found.of << 8 | values, return_counts=True)
    order = np.lexsort((-counts, pairs >> 8))
    heads = np.searchsorted((pairs >> 8)[order], np.arange(len(found)))
    return pairs[order][heads] & 0xFF, counts[order][heads]


def _packet_s(part: Part) -> tuple[Floats, Ints]:
    """The usual media time from packet to packet, NaN where nothing tells, and of how many packets."""
    found, clock = part.found, part.times.clock_hz
    stamp: Ints = found.rows["stamp"].astype(np.int64)
    step = np.diff(stamp, prepend=stamp[:1])
    next_one = np.diff(found.rows["sequence"].astype(np.int64), prepend=0) == 1
    next_one[found.begin] = False
    usable = np.flatnonzero(next_one & part.counted & (step > 0) & (step < LONGEST_STEP_S * clock[found.of]))
    pairs, counts = np.unique(found.of[usable] << 32 | step[usable], return_counts=True)
    order = np.lexsort((-counts, pairs >> 32))
    owner, first = np.unique((pairs >> 32)[order], return_index=True)
    out, times = np.full(len(found), np.nan), np.zeros(len(found), np.int64)
    out[owner] = (pairs[order][first] & 0xFFFFFFFF) / clock[owner]
    times[owner] = counts[order][first]
    return out, times


CARRIER = np.dtype([("stream", "i8"), ("flow", "i4"), ("way", "u1"), ("rows", "i8")])
LAST = np.dtype([("stream", "i8"), ("time_s", "f8"), ("flow", "i4")])


def _carriers(part: Part) -> NDArray[np.void]:
    """How many of each stream's rows each flow carried."""
    rows, of = part.found.rows[part.counted], part.found.of[part.counted]
    names, counts = np.unique(
        of << 33 | rows["flow"].astype(np.int64) << 1 | rows["way"].astype(np.int64), return_counts=True
    )
    out = np.zeros(len(names), CARRIER)
    out["stream"], out["rows"] = part.numbers[names >> 33], counts
    out["flow"], out["way"] = names >> 1 & 0xFFFFFFFF, names & 1
    return out


def _tails(part: Part) -> NDArray[np.void]:
    """The last rows of each stream that count."""
    rows, of = part.found.rows[part.counted], part.found.of[part.counted]
    count = np.bincount(of, minlength=len(part.found))
    last = np.cumsum(count)[of] - np.arange(len(of)) <= TAIL
    out = np.zeros(int(last.sum()), LAST)
    out["stream"] = part.numbers[of[last]]
    out["time_s"], out["flow"] = rows["time_s"][last], rows["flow"][last]
    return out


def _by_stream(
    pieces: list[NDArray[np.void]], kind: np.dtype[np.void], streams: int
) -> tuple[NDArray[np.void], list[int]]:
    """All rows in the order of their streams, and where each stream's begin."""
    every = np.concatenate([np.zeros(0, kind), *pieces])
    every = every[np.argsort(every["stream"], kind="stable")]
    return every, np.searchsorted(every["stream"], np.arange(streams + 1)).tolist()
