"""Makes a call's record second by second, with the other packets of each second."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.calls.detected_call import MeasuredStream
from talkpath.capture.streams.freezes import Floats
from talkpath.capture.streams.per_second import FROZEN, JITTER, JITTERS, LATE, LOST, PACKETS
from talkpath.measure import quality
from talkpath.measure.call import Moment, Second
from talkpath.wire.pcap.arrays import Ints

LONGEST_S = 24 * 3600
HEADINGS = ("sent", "received")
VOICE = [PACKETS, LOST, JITTER, JITTERS, FROZEN]
"""Columns that are summed for voice alone, too."""
SILENT, UNCOUNTED = Second(lost=0), Second()


class OtherTraffic:
    """Received packets of each second that do not belong to a call, from the cells of `Activity.received`."""

    def __init__(self, cells: NDArray[np.void], begin_s: float) -> None:
        cells = cells[np.argsort(cells["second"], kind="stable")]
        self._second = cells["second"].astype(np.int64) - floor(begin_s)
        self._packets = cells["packets"][:, 0].astype(np.int64)
        self._total = np.concatenate([[0], np.cumsum(self._packets)])
        self._own = np.argsort(cells["flow"], kind="stable")
        self._by_flow = cells["flow"][self._own].astype(np.int64)  # searchsorted would convert it each time

    def other(self, flows: list[int], begin_s: float, end_s: float) -> int:
        """Count the packets of all other flows in these seconds."""
        low, high = np.searchsorted(self._second, [floor(begin_s), floor(end_s) + 1])
        rows = self._rows(flows)
        own = self._packets[rows[(rows >= low) & (rows < high)]].sum()
        return int(self._total[high] - self._total[low] - own)

    def each(self, flows: list[int], first: int, count: int) -> Ints:
        """Count them for each second from `first` on."""
        out: Ints = np.diff(self._total[np.searchsorted(self._second, np.arange(first, first + count + 1))])
        rows = self._rows(flows)
        place = self._second[rows] - first
        inside = (place >= 0) & (place < count)
        return out - np.bincount(place[inside], self._packets[rows[inside]], count).astype(np.int64)

    def _rows(self, flows: list[int]) -> Ints:
        low, high = np.searchsorted(self._by_flow, flows), np.searchsorted(self._by_flow, flows, "right")
        return np.concatenate([self._own[begin:end] for begin, end in zip(low.tolist(), high.tolist(), strict=True)])


def timeline(
    streams: Sequence[MeasuredStream], begin_s: float, end_s: float, background: OtherTraffic, flows: list[int]
) -> tuple[Moment, ...]:
    """Return all seconds of a call."""
    first = floor(begin_s)
    count = min(floor(end_s) - first + 1, LONGEST_S)
    table = _table(streams, first, count)
    counted = [_counted(streams, heading, first, count) for heading in HEADINGS]
    others = background.each(flows, first, count)
    rows = zip(table[:count].tolist(), table[count:].tolist(), *counted, others.tolist(), strict=True)
    return tuple(
        Moment(first + place, _second(sent, sent_counts), _second(received, received_counts), other)
        for place, (sent, received, sent_counts, received_counts, other) in enumerate(rows)
    )


def _counted(streams: Sequence[MeasuredStream], heading: str, first: int, count: int) -> list[bool]:
    """Tell for which seconds the losses of one direction are known: from the first to the last packet of its streams
    whose losses can be counted."""
    own = [stream for stream in streams if stream.heading == heading and stream.counts_losses]
    begin_s, end_s = (
        min((stream.begin_s for stream in own), default=0.0),
        max((stream.end_s for stream in own), default=-1.0),
    )
    return [begin_s < second + 1 and second <= end_s for second in range(first, first + count)]


def _table(streams: Sequence[MeasuredStream], first: int, count: int) -> Floats:
    """Sum cells by second, shape (2 count, 12), sent seconds before received ones: the columns of a cell (of lateness
    and freezes the worst stream's), then VOICE."""
    out = np.zeros((2 * count, 7 + len(VOICE)))
    for stream in streams:
        cells = stream.stats.seconds
        part = cells.of(stream.number)
        rows = np.clip(cells.second[part] - first, 0, count - 1) + count * HEADINGS.index(stream.heading)
        own = np.zeros((2 * count, 7))
        np.add.at(own, rows, cells.values[part])
        own[:, LATE] = 0.0
        np.maximum.at(own[:, LATE], rows, cells.values[part][:, LATE])
        worst = np.maximum(out[:, [FROZEN, LATE]], own[:, [FROZEN, LATE]])
        out[:, :7] += own
        out[:, [FROZEN, LATE]] = worst
        if stream.medium == "voice":
            out[:, 7:] += own[:, VOICE]
    return out


def _second(values: list[float], counted: bool) -> Second:
    packets, lost, size, jitter_s, jitters, frozen_s, late_s = values[:7]
    if not packets and not lost:
        return SILENT if counted else UNCOUNTED
    return Second(
        packets=int(packets),
        lost=int(lost) if counted else None,
        kbps=round(8e-3 * size, 3),
        jitter_ms=round(1e3 * jitter_s / jitters, 3) if jitters else None,
        late_ms=round(1e3 * late_s, 3) if packets else None,
        frozen_ms=round(1e3 * min(frozen_s, 1.0), 3),
        mos=_mos(*values[7:]) if counted else None,
    )


def _mos(packets: float, lost: float, jitter_s: float, jitters: float, frozen_s: float) -> float | None:
    """Estimate the quality of one second's voice."""
    if not packets + lost:
        return None
    jitter_ms = 1e3 * jitter_s / jitters if jitters else 0.0
    return round(quality.heard_mos(100 * lost / (packets + lost), 100 * min(frozen_s, 1.0), jitter_ms), 2)
