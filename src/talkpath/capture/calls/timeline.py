"""Makes the records of calls second by second, with the other packets of each second.

The seconds of many calls are added up together: most calls are short, and numpy takes its time by the call of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import floor

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from talkpath.capture.calls.detected_call import MeasuredStream
from talkpath.capture.calls.stitch import NETWORK_CHANGE_S, FlowEnds
from talkpath.capture.streams.per_second import BYTES, FROZEN, JITTER, JITTERS, LATE, LOST, PACKETS
from talkpath.measure import quality
from talkpath.measure.arrays import Floats
from talkpath.measure.call import Moment, Second
from talkpath.wire.pcap.arrays import Bools, Ints, is_among, is_ordered, number_ranges, records_at

LONGEST_TIMELINE_S = 24 * 3600
BATCH_SECONDS = 1 << 14
"""So many seconds of calls are added up together; of one call all."""
BOTH_DIRECTIONS = ("sent", "received")
SUMMED_COLUMNS, WORST_COLUMNS = (PACKETS, LOST, BYTES, JITTER, JITTERS), (FROZEN, LATE)
VOICE_COLUMNS = (PACKETS, LOST, JITTER, JITTERS, FROZEN)
"""Columns that are summed over the streams of a direction, those of which the worst stream counts, and those that are
summed for voice alone, too."""
CELL_COLUMNS = 7
SILENT_SECOND, UNCOUNTED_SECOND = Second(lost=0), Second()


class OtherTraffic:
    """Received packets of each second that do not belong to a call, from the cells of `Activity.received`."""

    def __init__(self, cells: NDArray[np.void], begin_s: float) -> None:
        cells = records_at(cells, np.argsort(cells["second"], kind="stable"))
        self._second = cells["second"].astype(np.int64) - floor(begin_s)
        self._packets = cells["packets"][:, 0].astype(np.int64)
        self._total = np.concatenate([[0], np.cumsum(self._packets)])
        self._end = int(self._second.max(initial=0)) + 1
        key = self._keys(cells["flow"].astype(np.int64), self._second)
        self._own = np.argsort(key, kind="stable")
        self._by_flow = key[self._own]
        """By flow and second, so that of a flow that carries call after call each is looked up by itself."""

    def other(self, flows: Sequence[int], begin_s: float, end_s: float) -> int:
        """Count the packets of all other flows in these seconds."""
        first, end = floor(begin_s), floor(end_s) + 1
        low, high = np.searchsorted(self._second, [first, end])
        size = np.ones(len(flows), np.int64)
        rows, _ = self._rows(np.array(flows, np.int64), first * size, end * size)
        return int(self._total[high] - self._total[low] - self._packets[rows].sum())

    def each(self, flows: Sequence[Sequence[int]], first: Ints, count: Ints) -> Ints:
        """Count them for each second of some calls, one call behind the other, beside those of the calls' own flows:
        shape (2, seconds). Each call has its flows, its first second and how many seconds it has."""
        begin = np.cumsum(count) - count
        seconds = number_ranges(first, count)
        ends = np.searchsorted(self._second, seconds + 1)
        out = self._total[ends] - self._total[np.searchsorted(self._second, seconds)]
        of = np.repeat(np.arange(len(flows)), [len(own) for own in flows])
        every = np.array([flow for own in flows for flow in own], np.int64)
        rows, place = self._rows(every, first[of], (first + count)[of])
        since = self._second[rows] - first[of][place]
        own = np.bincount(begin[of][place] + since, self._packets[rows], len(out)).astype(np.int64)
        return np.stack([out - own, own])

    def _rows(self, flows: Ints, first: Ints, end: Ints) -> tuple[Ints, Ints]:
        """Return the cells of these flows, each from its first second to its end, and the place of the flow of each."""
        low, high = (np.searchsorted(self._by_flow, self._keys(flows, second)) for second in (first, end))
        return self._own[number_ranges(low, high - low)], np.repeat(np.arange(len(flows)), high - low)

    def _keys(self, flow: Ints, second: Ints) -> Ints:
        """Return one number for flow and second, in their order; times may be damaged, and centuries apart."""
        return flow * (self._end + 1) + np.clip(second, 0, self._end)


@dataclass(frozen=True, slots=True)
class CallSpan:
    """What the seconds of one call are made of."""

    streams: Sequence[MeasuredStream]
    begin_s: float
    end_s: float
    background: OtherTraffic
    flows: Sequence[int]

    @property
    def first(self) -> int:
        """The second in which it begins."""
        return floor(self.begin_s)

    @property
    def count(self) -> int:
        """How many seconds it has."""
        return min(floor(self.end_s) - self.first + 1, LONGEST_TIMELINE_S)


def call_timelines(spans: Iterable[CallSpan]) -> Iterator[tuple[Moment, ...]]:
    """Yield all seconds of each call."""
    together: list[CallSpan] = []
    size = 0
    for span in spans:
        if together and size + span.count > BATCH_SECONDS:
            yield from _timelines_together(together)
            together, size = [], 0
        together.append(span)
        size += span.count
    yield from _timelines_together(together) if together else ()


def on_one_network(
    seconds: tuple[Moment, ...], table: NDArray[np.void], ends: FlowEnds, carriers: list[int]
) -> tuple[Moment, ...]:
    """Return the seconds of a call without what came on another network: where nothing came any more to an address to
    which these flows brought media, nor to one that was long in use then, but to a new one, this device may have
    changed networks. That is told by UDP alone, which every device that joins a network gets."""
    heard_s, began_s = (table[column][np.arange(len(table)), 1 - ends.local] for column in ("heard_s", "began_s"))
    first_s = np.full(2 * len(table), np.inf)
    np.minimum.at(first_s, ends.local_host, began_s)
    own = is_among(ends.local_host, np.unique(ends.local_host[carriers]))
    left_s, last_s = float(heard_s[own].max()), float(heard_s.max())
    was_there = first_s[ends.local_host] <= left_s - NETWORK_CHANGE_S
    until_s = max(left_s, float(heard_s[was_there].max(initial=-np.inf)))
    if_moved = (replace(one, other_packets=0) if until_s < one.at_s else one for one in seconds)
    return tuple(if_moved) if until_s < last_s else seconds


def _timelines_together(spans: Sequence[CallSpan]) -> Iterator[tuple[Moment, ...]]:
    first, count = np.array([span.first for span in spans]), np.array([span.count for span in spans])
    begin, size = np.cumsum(count) - count, int(count.sum())
    table = _second_sums(spans, first, count)
    counted = _is_loss_counted(spans, first, count)
    columns = (
        number_ranges(first, count).tolist(),
        table[:size].tolist(),
        counted[:size].tolist(),
        table[size:].tolist(),
        counted[size:].tolist(),
        *_other_packets(spans, first, count).tolist(),
    )
    every = [
        Moment(second, _second_record(sent, sent_counts), _second_record(received, received_counts), other, own)
        for second, sent, sent_counts, received, received_counts, other, own in zip(*columns, strict=True)
    ]
    for at, own in zip(begin.tolist(), count.tolist(), strict=True):
        yield tuple(every[at : at + own])


def _other_packets(spans: Sequence[CallSpan], first: Ints, count: Ints) -> Ints:
    """Count the other packets of each second, and those of the call's own flows."""
    out = np.zeros((2, int(count.sum())), np.int64)
    of = np.repeat(np.arange(len(spans)), count)
    for background in {id(span.background): span.background for span in spans}.values():
        own = np.array([span.background is background for span in spans])
        flows = [span.flows for span in spans if span.background is background]
        out[:, own[of]] = background.each(flows, first[own], count[own])
    return out


def _is_loss_counted(spans: Sequence[CallSpan], first: Ints, count: Ints) -> Bools:
    """Tell for which seconds the losses are known, sent seconds before received ones: from the first to the last packet
    of the direction's streams whose losses can be counted."""
    second = number_ranges(first, count)
    out = []
    for direction in BOTH_DIRECTIONS:
        own = [[one for one in span.streams if one.direction == direction and one.counts_losses] for span in spans]
        begin_s = np.repeat([min((stream.begin_s for stream in streams), default=0.0) for streams in own], count)
        end_s = np.repeat([max((stream.end_s for stream in streams), default=-np.inf) for streams in own], count)
        out.append((begin_s < second + 1) & (second <= end_s))
    return np.concatenate(out)


def _second_sums(spans: Sequence[CallSpan], first: Ints, count: Ints) -> Floats:
    """Sum cells by second, sent seconds of all calls before received ones: the columns of a cell, then VOICE."""
    streams = [(call, stream) for call, span in enumerate(spans) for stream in span.streams]
    cells = [(stream.stats.seconds, stream.stats.seconds.of(stream.number)) for _, stream in streams]
    second = np.concatenate([seconds.second[part] for seconds, part in cells])
    values = np.concatenate([seconds.values[part] for seconds, part in cells])
    which = np.repeat(np.arange(len(cells)), [part.stop - part.start for _, part in cells])
    call = np.array([call for call, _ in streams])[which]
    size = 2 * int(count.sum())
    received = np.array([BOTH_DIRECTIONS.index(stream.direction) for _, stream in streams])[which]
    row = (np.cumsum(count) - count)[call] + np.clip(second - first[call], 0, count[call] - 1) + received * (size // 2)
    which, row, values = _joined_cells(which, row, values, size)
    is_voice = np.array([stream.medium == "voice" for _, stream in streams])[which]
    voice = (np.bincount(row[is_voice], values[is_voice, column], size) for column in VOICE_COLUMNS)
    return np.column_stack([_grouped_cells(row, values, size, SUMMED_COLUMNS, WORST_COLUMNS), *voice])


def _grouped_cells(group: Ints, values: Floats, size: int, summed: Iterable[int], worst: Iterable[int]) -> Floats:
    """Return one cell for each of `size` groups: columns that are summed, and such of which the largest counts."""
    out = np.zeros((size, CELL_COLUMNS))
    for column in summed:
        out[:, column] = np.bincount(group, values[:, column], size)
    for column in worst:
        np.maximum.at(out[:, column], group, values[:, column])
    return out


def _joined_cells(which: Ints, row: Ints, values: Floats, size: int) -> tuple[Ints, Ints, Floats]:
    """Join the cells of one second of a stream: a second that lies in two parts of a recording has two."""
    key = which * size + row
    if not is_ordered(key):
        order = np.argsort(key, kind="stable")
        which, row, values, key = which[order], row[order], values[order], key[order]
    fresh = np.diff(key, prepend=-1) != 0
    if fresh.all():
        return which, row, values
    whole = _grouped_cells(np.cumsum(fresh) - 1, values, int(fresh.sum()), (*SUMMED_COLUMNS, FROZEN), (LATE,))
    return which[fresh], row[fresh], whole


def _second_record(values: list[float], counted: bool) -> Second:
    packets, lost, size, jitter_s, jitters, frozen_s, late_s = values[:7]
    if not packets and not lost:
        return SILENT_SECOND if counted else UNCOUNTED_SECOND
    return Second(
        packets=int(packets),
        lost=int(lost) if counted else None,
        kbps=round(8e-3 * size, 3),
        jitter_ms=round(1e3 * jitter_s / jitters, 3) if jitters else None,
        late_ms=round(1e3 * late_s, 3) if packets else None,
        frozen_ms=round(1e3 * min(frozen_s, 1.0), 3),
        mos=_second_mos(*values[7:]) if counted else None,
    )


def _second_mos(packets: float, lost: float, jitter_s: float, jitters: float, frozen_s: float) -> float | None:
    """Estimate the quality of one second's voice."""
    if not packets + lost:
        return None
    jitter_ms = 1e3 * jitter_s / jitters if jitters else 0.0
    return round(quality.mos_with_silence(100 * lost / (packets + lost), 100 * min(frozen_s, 1.0), jitter_ms), 2)
