"""Finds the interval that packets without a readable header keep, and what is missing or late against it.

A stream keeps a cadence with all its packets (libtgvoip: one each 60 ms), or with those of one size beside others
(tgcalls: 45 bytes each 50 ms). Jitter hides it; the other direction of the same call then still shows it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from talkpath.measure.arrays import Floats
from talkpath.wire.pcap.arrays import Bools, Ints

FEWEST_PAUSES, SHORTEST_PAUSE_S = 40, 0.005
NEAR_SHARE, COMMON_SHARE = 0.25, 0.4
"""A share of COMMON_SHARE of the pauses must lie as near as NEAR to the usual one for a cadence to be looked for."""
FOLLOW_SHARE, CORRECTION_ROUNDS, MOST_OFF_CLOCK, FIRST_GUESSES = 0.2, 3, 0.12, (1.0, 0.94, 1.06)
"""How fast the clock follows the packets, how often its interval is corrected, how far from it packets may be on
average, and the factors to begin with."""
SIZE_SHARE, SIZES_TRIED = 0.15, 2
"""The commonest sizes are looked at alone, each of such a share of all packets at least."""
REFILL_S, FEWEST_AFTER = 2.0, 8
"""Packets that came in a burst so long after a hole were late, not lost; of fewer packets after it nothing is said."""
FRAME_S, FRAME_OFF = 0.01, 0.02
"""Codecs' frames last a multiple of FRAME_S; packets of one size behind a line that is too slow keep another pace."""
CLOCK_DRIFT_SHARE = 2e-4
"""Two clocks differ by so much."""
SLOWEST_FACTOR, FASTEST_FACTOR = 2.5, 0.95
"""How much longer or shorter than the other direction's interval the mean pause may be."""
SAME_PACE_SHARE = 0.02
"""Both directions have as many packets a second within this share."""
RAREST_FACTOR, SAME_CLOCK_SHARE = 12.0, 0.01
"""The mean pause may be so much longer where each packet keeps the other direction's clock, whose interval is the same
within this share."""


class Cadence(NamedTuple):
    """Packets of `size` (0: all packets) come each `interval_s` (0: no cadence)."""

    interval_s: float = 0.0
    size: int = 0

    @property
    def is_codecs(self) -> bool:
        """May it be a codec's, rather than that of a line which is too slow?"""
        frames = self.interval_s / FRAME_S
        return frames > 0.5 and abs(frames - round(frames)) <= FRAME_OFF * frames

    def rows(self, sizes: Ints) -> Bools:
        """Tell which packets keep it."""
        return np.asarray((sizes == self.size) | (self.size == 0), np.bool_)


def own_cadence(times: Floats, sizes: Ints) -> tuple[Cadence, list[int]]:
    """Return the cadence that a stream shows by itself, and how many intervals after the one before each of its packets
    came."""
    for size in (0, *_common_sizes(sizes)):
        part = times[sizes == size] if size else times
        steps, interval_s = locked_steps(part.tolist(), usual_pause(np.diff(part)))
        if interval_s > 0:
            return Cadence(interval_s, size), steps
    return Cadence(), []


def may_keep_cadence(cadence: Cadence, times: Floats, sizes: Ints) -> bool:
    """May a stream that shows no cadence keep the other direction's, with packets late and lost?"""
    part = times[cadence.rows(sizes)]
    if cadence.interval_s <= 0 or len(part) < FEWEST_PAUSES:
        return False
    mean_s = (part[-1] - part[0]) / (len(part) - 1)
    return bool(FASTEST_FACTOR <= mean_s / cadence.interval_s <= SLOWEST_FACTOR)


def is_as_fast(theirs: Cadence, own: Cadence, times: Floats, sizes: Ints) -> bool:
    """Whether a stream has as many packets a second as the other direction's interval gives, though its packets seem to
    keep a shorter one: that of a radio or a machine that wakes up for them."""
    part = times[theirs.rows(sizes)]
    if own.interval_s >= FASTEST_FACTOR * theirs.interval_s or len(part) < FEWEST_PAUSES:
        return False
    mean_s = (part[-1] - part[0]) / (len(part) - 1)
    return bool(abs(mean_s - theirs.interval_s) <= SAME_PACE_SHARE * theirs.interval_s)


def kept_steps(cadence: Cadence, times: Floats, sizes: Ints) -> list[int]:
    """Return how many of the other direction's intervals after the one before each packet of a stream came, of which so
    much is lost that it shows no cadence by itself; none where the packets do not keep that clock."""
    part = times[cadence.rows(sizes)]
    if cadence.interval_s <= 0 or len(part) < FEWEST_PAUSES:
        return []
    if (part[-1] - part[0]) / (len(part) - 1) > RAREST_FACTOR * cadence.interval_s:
        return []
    off, interval_s, steps = _corrected_interval(part.tolist(), cadence.interval_s)
    is_same = abs(interval_s - cadence.interval_s) <= SAME_CLOCK_SHARE * cadence.interval_s
    return steps if is_same and off <= MOST_OFF_CLOCK else []


def _common_sizes(sizes: Ints) -> list[int]:
    values, counts = np.unique(sizes, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:SIZES_TRIED]
    often = counts[order] >= max(SIZE_SHARE * len(sizes), FEWEST_PAUSES)
    return values[order][often].tolist() if len(values) > 1 else []


def usual_pause(pauses: Floats) -> float:
    """Return the most common pause between packets, 0 where none is common."""
    if len(pauses) < FEWEST_PAUSES:
        return 0.0
    ordered = np.sort(pauses[pauses > SHORTEST_PAUSE_S])
    near = np.searchsorted(ordered, ordered * (1 + NEAR_SHARE)) - np.searchsorted(ordered, ordered * (1 - NEAR_SHARE))
    if not len(near) or near.max() < COMMON_SHARE * len(pauses):
        return 0.0
    peak = ordered[int(np.argmax(near))]
    return float(ordered[(ordered >= peak * (1 - NEAR_SHARE)) & (ordered <= peak * (1 + NEAR_SHARE))].mean())


def cadence_steps(times: list[float], usual: float) -> tuple[list[int], float]:
    """Return how many intervals each packet comes after the one before, and how far from the clock they are on average.

    The clock follows the packets slowly, so that alternating pauses (libtgvoip: 64, 64, 64, 64, 43 ms) are one cadence.
    """
    clock_s, steps, off = times[0], [0], 0.0
    for at in times[1:]:
        step = max(round((at - clock_s) / usual), 0)
        clock_s += step * usual
        off += min(abs(at - clock_s), usual)
        clock_s += FOLLOW_SHARE * (at - clock_s)
        steps.append(step)
    return steps, off / len(times) / usual


def locked_steps(times: list[float], common: float) -> tuple[list[int], float]:
    """Return (steps, interval) where the packets keep an interval near the common pause; an interval of 0 otherwise."""
    if not common:
        return [], 0.0
    for first in FIRST_GUESSES:
        off, usual, steps = _corrected_interval(times, common * first)
        if off <= MOST_OFF_CLOCK:
            return steps, usual
    return [], 0.0


def _corrected_interval(times: list[float], usual: float) -> tuple[float, float, list[int]]:
    """Return (how far off, interval, steps) after the interval was corrected by the number of steps over all
    packets."""
    steps: list[int] = []
    off = 1.0
    for _ in range(CORRECTION_ROUNDS):
        steps, off = cadence_steps(times, usual)
        usual = max((times[-1] - times[0]) / max(sum(steps), 1), SHORTEST_PAUSE_S)
    return off, usual, steps


def missing_by_steps(steps: list[int]) -> Ints:
    """Return how many packets are missing before each: intervals without one, less those that came in a burst
    afterwards."""
    missing = np.zeros(len(steps), np.int64)
    gap = 0
    for place, step in enumerate(steps):
        if step > 1:
            gap = place
            missing[place] = step - 1
        elif step == 0 and missing[gap] > 0:
            missing[gap] -= 1
    return missing


def lateness_and_missing(times: Floats, interval_s: float) -> tuple[Floats, Ints]:
    """Return how late each packet is against a clock of that interval, and how many are missing before it.

    Without sequence numbers a packet takes the interval after the one before. What stays behind for REFILL_S from a
    hole on was lost in it; what comes back was late.
    """
    ahead_of_clock = times - interval_s * np.arange(len(times))
    lag = ahead_of_clock - np.minimum.accumulate(ahead_of_clock)
    count = min(max(round(REFILL_S / interval_s), 1), len(times) - 1)
    least = _least_of_next(lag, count)
    few = min(FEWEST_AFTER, count)
    least[len(least) - few :] = least[len(least) - few - 1]  # what comes after the end is not known
    stays = np.maximum.accumulate(least)
    pauses = np.diff(times, prepend=times[:1] - interval_s)
    room = np.cumsum(np.maximum(np.round(pauses / interval_s).astype(np.int64) - 1, 0))
    gone = np.minimum(np.floor(stays / interval_s + 0.5).astype(np.int64), room)
    gone = np.maximum.accumulate(gone)
    return np.maximum(lag - gone * interval_s, 0.0), np.diff(gone, prepend=0)


def lateness_behind_clock(times: Floats, missing: Ints, interval_s: float) -> Floats:
    """Return how late each packet is against a clock of that interval, where it is known how many are missing before
    each."""
    off = times - interval_s * np.cumsum(missing + 1)
    return off - np.minimum.accumulate(off)


def missing_variance(missing: Ints, packets: int, jitter: float, *, borrowed: bool) -> float:
    """Return the variance of how many of all `packets` are missing, from what is missing among those that keep the
    cadence, and how far these jitter, in intervals.

    A hole may be one interval longer or shorter if packets jitter; another direction's clock runs a little faster or
    slower; and other packets may have been lost more or less often than those that keep the cadence.
    """
    kept, lost = len(missing), int(missing.sum())
    others, share = packets - kept, (lost + 0.5) / (kept + lost + 1)
    by_jitter = np.count_nonzero(missing) * min(1.0, 2 * jitter) ** 2
    by_clock = (1 + CLOCK_DRIFT_SHARE * kept) ** 2 if borrowed else 0.0
    by_sample = (others**2 / kept + others) * share * (1 - share)
    return float((by_jitter + by_clock) * (packets / kept) ** 2 + by_sample)


def _least_of_next(values: Floats, count: int) -> Floats:
    """Return the least of each value and the `count` after it, by doubling."""
    out, reach = values.copy(), 1
    while reach <= count:
        step = min(reach, count + 1 - reach)
        out[:-step] = np.minimum(out[:-step], out[step:])
        reach += step
    return out
