"""Measures media without a readable header (Telegram's own transports) by sizes and cadence.

There is no sequence number, so losses and lateness are known only against a cadence, and the record says so
(`loss_basis`). Copies of one packet are known by the hash of their first bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from talkpath.capture.packets.copies import NUMBERED, came_again, mixed_hash
from talkpath.capture.packets.datagrams import TLS
from talkpath.capture.packets.rows import UNTOLD_FLAG, is_video
from talkpath.capture.streams.cadence import (
    FEWEST_PAUSES,
    Cadence,
    is_as_fast,
    kept_steps,
    lateness_and_missing,
    lateness_behind_clock,
    may_keep_cadence,
    missing_by_steps,
    missing_variance,
    own_cadence,
)
from talkpath.capture.streams.freezes import VIDEO_FREEZE_S, VOICE_FREEZE_S, frozen_before
from talkpath.capture.streams.rtp_order import RtpOrder, Segments
from talkpath.capture.streams.timing import Timing
from talkpath.measure.arrays import Floats
from talkpath.wire.pcap.arrays import Bools, Ints

COPY_S = 1.0
REGULAR_SHARE, LARGER_FACTOR = 20, 1.5
"""So many packets in a row that each come after the same number of intervals keep a longer interval, where they are
LARGER times as large as others: the app puts more into a packet."""
USUAL_SHARE, USUAL_INTERVAL_S, LONG_FACTOR, LONG_GAP_S = 0.95, 0.25, 4, 2 * VOICE_FREEZE_S


def without_copies(segments: Segments) -> Bools:
    """Tell which rows are no copies: their first bytes did not come within the second before in the same segment."""
    rows = segments.rows
    known = mixed_hash(rows["stamp"].astype(np.uint64), rows["size"].astype(np.uint64), segments.of)
    return ~came_again(known | NUMBERED, rows["time_s"], COPY_S)


@dataclass(slots=True)
class _Measured:
    """What the cadences show: `rate` per segment (0 without one), and the variance of how many are missing; per row
    packets `missing` before it, seconds `late`, and `jitter` (NaN for packets that keep no cadence)."""

    rate: Floats
    unsure: Floats
    missing: Ints
    late: Floats
    jitter: Floats
    steps: dict[int, list[int]] = field(default_factory=dict)


def by_cadence(segments: Segments, partner: Ints | None = None) -> tuple[RtpOrder, Timing]:
    """Find holes, lateness and freezes by cadence, in the same form as for RTP. `clock_hz` is the rate of the packets
    that keep it, 0 without a cadence. `partner`: the segment of the same call's other direction, -1 for none."""
    size = len(segments.rows)
    pause = segments.step(segments.rows["time_s"])
    found = _Measured(
        rate=np.zeros(len(segments)),
        unsure=np.zeros(len(segments)),
        missing=np.zeros(size, np.int64),
        late=np.zeros(size),
        jitter=np.full(size, np.nan),
    )
    for segment, cadence in enumerate(_segment_cadences(segments, partner, found.steps)):
        if cadence.interval_s > 0:
            _measured_against(segments, segment, cadence, found)
    found.jitter[segments.begin] = np.nan
    before = np.arange(size) - 1
    before[segments.begin] = -1
    found.missing[segments.begin] = 0
    usual = np.divide(1.0, found.rate, out=np.zeros(len(segments)), where=found.rate > 0)[segments.of]
    never = np.zeros(size, np.bool_)
    order = RtpOrder(np.arange(size), ~never, found.missing, before, never)
    clock_stall_s = _frozen_against(segments, found, pause, usual)
    none = np.zeros(size)
    return order, Timing(found.rate, found.late, found.jitter, pause, clock_stall_s, never, never, none, found.unsure)


def _segment_cadences(segments: Segments, partner: Ints | None, steps: dict[int, list[int]]) -> list[Cadence]:
    """Return the cadence of each segment: its own, else its partner's if that may be. `steps` of own ones are kept."""
    own: list[Cadence] = []
    for segment in range(len(segments)):
        cadence, found = (
            own_cadence(*_segment_rows(segments, segment)) if _is_counted(segments, segment) else (Cadence(), [])
        )
        own.append(cadence)
        if found:
            steps[segment] = found
    if partner is None:
        return own
    out = []
    for segment, (cadence, other) in enumerate(zip(own, partner.tolist(), strict=True)):
        theirs = own[other] if other >= 0 else Cadence()
        may_borrow = (
            theirs.is_codecs
            and _is_counted(segments, segment)
            and (not cadence.is_codecs or is_as_fast(theirs, cadence, *_segment_rows(segments, segment)))
        )
        out.append(_borrowed_cadence(cadence, theirs, segments, segment, steps) if may_borrow else cadence)
    return out


def _borrowed_cadence(
    own: Cadence, theirs: Cadence, segments: Segments, segment: int, steps: dict[int, list[int]]
) -> Cadence:
    """Return the other direction's cadence where that may be the segment's too, else its own."""
    part = _segment_rows(segments, segment)
    if kept := kept_steps(theirs, *part):
        steps[segment] = kept
        return theirs
    if may_keep_cadence(theirs, *part):
        steps.pop(segment, None)
        return theirs
    return own


def _is_counted(segments: Segments, segment: int) -> bool:
    """TCP repeats what was lost: nothing of it is missing, only late. And what may be media or anything else keeps no
    beat."""
    rows = segments.rows[segments.begin[segment] : segments.begin[segment] + segments.count[segment]]
    return bool(rows["outer"][0] != TLS and not np.any(rows["type"] & UNTOLD_FLAG))


def _segment_rows(segments: Segments, segment: int) -> tuple[Floats, Ints]:
    rows = segments.rows[segments.begin[segment] : segments.begin[segment] + segments.count[segment]]
    return rows["time_s"], rows["size"].astype(np.int64)


def _measured_against(segments: Segments, segment: int, cadence: Cadence, found: _Measured) -> None:
    """Measure one segment against its cadence. Losses among packets of one size stand for as large a share of all."""
    times, sizes = _segment_rows(segments, segment)
    kept = np.flatnonzero(cadence.rows(sizes))
    rows = int(segments.begin[segment]) + kept
    borrowed = segment not in found.steps
    if borrowed:
        late, missing = lateness_and_missing(times[kept], cadence.interval_s)
    else:
        missing = missing_by_steps(found.steps[segment])
        late = lateness_behind_clock(times[kept], missing, cadence.interval_s)
    missing[0] = 0
    off = np.abs(np.diff(late, prepend=late[:1]))
    found.rate[segment] = 1.0 / cadence.interval_s
    found.late[rows] = late
    _held_values(found.late, int(segments.begin[segment]), len(times), rows)
    found.jitter[rows] = np.where(missing == 0, off, np.nan)
    found.unsure[segment] = missing_variance(
        missing, len(times), float(off.mean()) / cadence.interval_s, borrowed=borrowed
    )
    missing[_keeps_longer_interval(missing, sizes[kept])] = 0
    scaled = np.round(np.cumsum(missing) * (len(times) / len(kept))).astype(np.int64)
    found.missing[rows] = np.diff(scaled, prepend=0)


def _keeps_longer_interval(missing: Ints, sizes: Ints) -> Bools:
    """Tell which packets are among REGULAR or more in a row after the same hole each, and clearly larger than those
    without one."""
    begin = np.flatnonzero(np.diff(missing, prepend=-1) != 0)
    count = np.diff(begin, append=len(missing))
    usual = sizes[missing == 0].mean() if (missing == 0).any() else np.inf
    larger = np.add.reduceat(sizes, begin) >= LARGER_FACTOR * usual * count
    return np.repeat((count >= REGULAR_SHARE) & (missing[begin] > 0) & larger, count)


def _held_values(values: Floats, begin: int, count: int, known: Ints) -> None:
    """Give rows whose value is not known that of the last one before."""
    latest = np.zeros(count, np.int64)
    latest[known - begin] = known - begin
    values[begin : begin + count] = values[begin + np.maximum.accumulate(latest)]


def _frozen_against(segments: Segments, found: _Measured, pause: Floats, usual: Floats) -> Floats:
    """Return the seconds of the freeze that ended with each row: silence against the cadence, or lateness."""
    least = np.where(is_video(segments.rows), VIDEO_FREEZE_S, VOICE_FREEZE_S)
    silent = np.where(usual > 0, pause - usual >= least, pause >= _too_long(segments, pause)[segments.of])
    return frozen_before(segments, np.where(silent, pause - usual, 0.0), found.late, pause, least)


def _too_long(segments: Segments, pause: Floats) -> Floats:
    """Return the pause from which on it is a freeze, where there is no cadence but packets come all the time: many
    times the longest usual one."""
    order = np.lexsort((pause, segments.of))
    place = segments.begin + np.floor(USUAL_SHARE * (segments.count - 1)).astype(np.int64)
    usual = pause[order][place]
    busy = (segments.count >= FEWEST_PAUSES) & (usual <= USUAL_INTERVAL_S)
    return np.where(busy, np.maximum(LONG_GAP_S, LONG_FACTOR * usual), np.inf)
