"""From sorted rows to the records of streams. All figures of all segments are worked out at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.cells import SecondCells, second_cells
from talkpath.capture.order import Segments, Sequence
from talkpath.capture.rows import VIDEO
from talkpath.capture.timing import FREEZE_S, Floats, Timing
from talkpath.measure import quality
from talkpath.measure.call import Heading, Stream
from talkpath.wire.pcap.frames import Ints

Medium = Literal["voice", "video"]

LATE_SHARE = 0.95
LONGEST_STEP_S = 2.0

FIGURE = np.dtype(
    [
        ("packets", "i8"),
        ("duplicates", "i8"),
        ("lost", "i8"),
        ("losses", "i8"),
        ("reordered", "i8"),
        ("bytes", "i8"),
        ("begin_s", "f8"),
        ("end_s", "f8"),
        ("jitter_s", "f8"),
        ("late_s", "f8"),
        ("freezes", "i8"),
        ("frozen_s", "f8"),
        ("gap_s", "f8"),
        ("packet_s", "f8"),
        ("ssrc", "u4"),
        ("type", "u1"),
        ("moves", "?"),
        ("shared", "f8"),
        ("pictures", "f8"),
    ]
)
"""One row a segment. `losses` counts runs of lost packets; `late_s` is the 95th percentile; `moves`: do timestamps
change; `shared` is the share of packets with the timestamp of the one before, `pictures` that of opaque video."""


@dataclass(slots=True)
class Measured:
    """Segments with all that was worked out of them."""

    found: Segments
    order: Sequence
    times: Timing
    seconds: SecondCells
    figures: NDArray[np.void]
    has_header: bool

    @classmethod
    def of(cls, found: Segments, order: Sequence, times: Timing, has_header: bool) -> Measured:
        """Work it out."""
        figures = _figures(found, order, times)
        return cls(found, order, times, second_cells(found, order, times), figures, has_header)

    def rows(self, segment: int) -> slice:
        """The rows of one segment."""
        begin = int(self.found.begin[segment])
        return slice(begin, begin + int(self.found.count[segment]))

    def looks_like_video(self, segment: int) -> bool:
        """Pictures come in several large packets with one timestamp and a clock of 90 kHz."""
        own = self.figures[segment]
        if not self.has_header:
            return bool(own["pictures"] > 0.2)
        large = own["bytes"] / self.found.count[segment]
        return bool(large > 250 and (own["shared"] > 0.15 or self.times.clock_hz[segment] == 90000 or large > 500))

    def is_padding(self, segment: int) -> bool:
        """Probes and padding: SSRC 0, or timestamps that never move."""
        own = self.figures[segment]
        return self.has_header and bool(own["ssrc"] == 0 or not own["moves"])


def _figures(found: Segments, order: Sequence, times: Timing) -> NDArray[np.void]:
    rows, begin, last = found.rows, found.begin, found.begin + found.count - 1
    out = np.zeros(len(found), FIGURE)
    out["packets"] = found.total(order.fresh)
    out["duplicates"] = found.count - out["packets"]
    out["lost"] = found.total(order.missing)
    out["losses"] = found.total(order.missing > 0)
    out["reordered"] = found.total(order.late)
    out["bytes"] = found.total(rows["size"])
    out["begin_s"], out["end_s"] = rows["time_s"][begin], rows["time_s"][last]
    valid = ~np.isnan(times.jitter_s)
    out["jitter_s"] = _ratio(found.total(np.where(valid, times.jitter_s, 0.0)), found.total(valid))
    out["late_s"] = _quantile(found, times.late_s, LATE_SHARE)
    out["freezes"] = found.total(times.frozen_s >= FREEZE_S)
    out["frozen_s"] = found.total(times.frozen_s)
    out["gap_s"] = np.maximum.reduceat(times.gap_s, begin)
    out["packet_s"] = _packet_s(found, times)
    out["ssrc"], out["type"] = rows["ssrc"][begin], _commonest(found, rows["type"].astype(np.int64) & 0x7F)
    first = np.zeros(len(rows), np.bool_)
    first[begin] = True
    same = np.diff(rows["stamp"], prepend=rows["stamp"][:1]) == 0
    out["moves"] = found.total(~same & ~first) > 0
    out["shared"] = _ratio(found.total(same & ~first), (found.count - 1).astype(np.float64))
    out["pictures"] = found.total(rows["type"] == VIDEO) / found.count
    return out


def _ratio(above: Floats, below: Floats) -> Floats:
    share: Floats = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    return share


def _quantile(found: Segments, values: Floats, share: float) -> Floats:
    """The value that `share` of each segment's rows do not exceed."""
    order = np.lexsort((values, found.of))
    place = found.begin + np.ceil(share * (found.count - 1)).astype(np.int64)
    chosen: Floats = values[order][place]
    return chosen


def _commonest(found: Segments, values: Ints) -> Ints:
    """The most frequent small value of each segment."""
    pairs, counts = np.unique(found.of << 8 | values, return_counts=True)
    order = np.lexsort((-counts, pairs >> 8))
    heads = np.searchsorted((pairs >> 8)[order], np.arange(len(found)))
    commonest: Ints = pairs[order][heads] & 0xFF
    return commonest


def _packet_s(found: Segments, times: Timing) -> Floats:
    """The usual media time from packet to packet, NaN where nothing tells."""
    rows, clock = found.rows, times.clock_hz
    stamp: Ints = rows["stamp"].astype(np.int64)
    step = np.diff(stamp, prepend=stamp[:1])
    next_one = np.diff(rows["sequence"].astype(np.int64), prepend=0) == 1
    next_one[found.begin] = False
    usable = np.flatnonzero(next_one & (step > 0) & (step < LONGEST_STEP_S * clock[found.of]))
    pairs, counts = np.unique(found.of[usable] << 32 | step[usable], return_counts=True)
    order = np.lexsort((-counts, pairs >> 32))
    owner, first = np.unique((pairs >> 32)[order], return_index=True)
    out = np.full(len(found), np.nan)
    out[owner] = (pairs[order][first] & 0xFFFFFFFF) / clock[owner]
    return out


def stream(
    measured: Measured, segment: int, heading: Heading, medium: Medium | None, numbers: dict[int, int]
) -> Stream:
    """The record of one segment. `numbers` maps flows to their numbers in the call."""
    own = dict(zip(FIGURE.names or (), measured.figures[segment].item(), strict=True))
    clock = float(measured.times.clock_hz[segment])
    header = measured.has_header
    counted = header or clock > 0
    packets, lost = own["packets"], own["lost"] if counted else None
    duration = own["end_s"] - own["begin_s"]
    flows = np.unique(measured.found.rows["flow"][measured.rows(segment)]).tolist()
    return Stream(
        direction=heading,
        ssrc=own["ssrc"] if header else None,
        payload_type=own["type"] if header else None,
        medium=medium,
        packets=packets,
        lost=lost,
        loss_pct=None if lost is None else round(100 * lost / max(packets + lost, 1), 3),
        loss_basis=("sequence" if header else "cadence") if counted else None,
        duplicates=own["duplicates"],
        reordered=own["reordered"],
        jitter_ms=_ms(own["jitter_s"]),
        late_ms=_ms(own["late_s"]) if header and clock > 0 else None,
        freezes=own["freezes"],
        frozen_s=round(own["frozen_s"], 3),
        longest_gap_ms=round(1e3 * own["gap_s"], 3),
        mos=_mos(packets, lost, own["losses"]) if medium == "voice" else None,
        start_s=round(own["begin_s"], 6),
        duration_s=round(duration, 6),
        kbps=round(8e-3 * own["bytes"] / max(duration, 0.02), 3),
        clock_hz=round(clock) or None if header else None,
        packet_ms=_ms(own["packet_s"]) if header else _ms(1 / clock) if clock > 0 else None,
        mean_burst=round(lost / own["losses"], 3) if lost and own["losses"] else None,
        flows=tuple(sorted(numbers[flow] for flow in flows)),
    )


def _ms(seconds: float) -> float | None:
    return None if np.isnan(seconds) else round(1e3 * seconds, 3)


def _mos(packets: int, lost: int | None, losses: int) -> float | None:
    if lost is None:
        return None
    sent = max(packets + lost, 1)
    return round(quality.mos(100 * lost / sent, quality.burst_ratio(lost, losses, sent)), 2)
