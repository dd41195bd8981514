"""Makes the record of a stream from its figures."""

from __future__ import annotations

from math import ceil, floor, isnan, sqrt
from typing import Literal

from talkpath.capture.streams.figures import FIGURE_TYPE
from talkpath.capture.streams.stream_stats import StreamStats
from talkpath.measure import quality
from talkpath.measure.call import RecordedDirection, Stream

Medium = Literal["voice", "video"]
SHORTEST_STREAM_S = 0.02
"""The duration of a stream of one packet."""
TWO_SIDED_95 = 1.96
RATED_PACKETS, RATED_S = 50, 5.0
"""Of less no quality is told."""


def stream_record(
    stats: StreamStats, which: int, direction: RecordedDirection, medium: Medium | None, numbers: dict[int, int]
) -> Stream:
    """Return the record of one stream. `numbers` maps flows to their numbers in the call."""
    own = dict(zip(FIGURE_TYPE.names or (), stats.figures[which].item(), strict=True))
    clock, header = own["clock_hz"], stats.has_header
    counted = header or clock > 0
    packets, lost = own["packets"], own["lost"] if counted else None
    duration = own["end_s"] - own["begin_s"]
    return Stream(
        direction=direction,
        ssrc=own["ssrc"] if header else None,
        payload_type=own["type"] if header else None,
        medium=medium,
        packets=packets,
        lost=lost,
        loss_pct=None if lost is None else round(100 * lost / max(packets + lost, 1), 3),
        loss_basis=("sequence" if header else "cadence") if counted else None,
        duplicates=own["rows"] - packets,
        reordered=own["reordered"],
        jitter_ms=_milliseconds(own["jitter_s"] / own["jitters"]) if own["jitters"] else None,
        late_ms=_milliseconds(stats.late_s[which]) if clock > 0 else None,
        uneven_ms=_milliseconds(stats.uneven_s[which]) if clock > 0 else None,
        lost_range=None if header or lost is None else _bounds_95(lost, own["unsure"]),
        freezes=own["freezes"],
        frozen_s=round(own["frozen_s"], 3),
        longest_gap_ms=round(1e3 * own["gap_s"], 3),
        mos=_stream_mos(own, lost) if medium == "voice" else None,
        start_s=round(own["begin_s"], 6),
        duration_s=round(duration, 6),
        kbps=round(8e-3 * own["bytes"] / max(duration, SHORTEST_STREAM_S), 3),
        clock_hz=round(clock) or None if header else None,
        packet_ms=_milliseconds(own["packet_s"]) if header else _milliseconds(1 / clock) if clock > 0 else None,
        mean_burst=round(lost / own["losses"], 3) if lost and own["losses"] else None,
        flows=tuple(sorted({numbers[flow] for flow in stats.carriers_of(which)["flow"].tolist()})),
    )


def _bounds_95(lost: int, variance: float) -> tuple[int, int]:
    """Return the 95 % bounds of a number that was estimated."""
    half = TWO_SIDED_95 * sqrt(variance)
    return max(floor(lost - half), 0), ceil(lost + half)


def _milliseconds(seconds: float) -> float | None:
    return None if isnan(seconds) else round(1e3 * seconds, 3)


def _stream_mos(own: dict[str, float], lost: int | None) -> float | None:
    if lost is None or own["packets"] + lost < RATED_PACKETS or own["end_s"] - own["begin_s"] < RATED_S:
        return None
    sent = round(own["packets"]) + lost
    frozen_pct = 100 * own["frozen_s"] / (own["end_s"] - own["begin_s"])
    jitter_ms = 1e3 * own["jitter_s"] / own["jitters"] if own["jitters"] else 0.0
    bursts = quality.burst_ratio(lost, round(own["losses"]), sent)
    return round(quality.mos_with_silence(100 * lost / sent, frozen_pct, jitter_ms, bursts), 2)
