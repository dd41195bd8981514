"""Measures media without a readable header (Telegram's own transports) by sizes and cadence.

There is no sequence number, so loss is counted only where a steady cadence shows a hole, and the record says so
(`loss_basis`). Copies of one packet are known by the hash of their first bytes.
"""

from __future__ import annotations

import numpy as np

from talkpath.capture.packets.datagrams import TLS
from talkpath.capture.streams.rtp_order import RtpOrder, Segments
from talkpath.capture.streams.timing import FREEZE_S, Floats, Timing
from talkpath.wire.pcap.arrays import Bools, Ints

COPY_S = 1.0
FEWEST_PAUSES, SHORTEST_S = 40, 0.005
NEAR, COMMON_SHARE = 0.25, 0.4
"""A share of COMMON_SHARE of the pauses must lie as near as NEAR to the usual one for a cadence to be looked for."""
USUAL_SHARE, USUAL_S, LONG, LONG_S = 0.95, 0.25, 4, 2 * FREEZE_S
FOLLOW, ROUNDS, OFF_CLOCK, FIRST_GUESSES = 0.2, 3, 0.12, (1.0, 0.94, 1.06)
"""How fast the clock follows the packets, how often its interval is corrected, how far from it packets may be on
average, and the factors to begin with."""


def without_copies(segments: Segments) -> Bools:
    """Tell which rows are no copies: their first bytes did not come within the second before in the same segment."""
    order = np.lexsort((segments.rows["time_s"], segments.rows["stamp"], segments.of))
    rows, of = segments.rows[order], segments.of[order]
    copy = np.zeros(len(order), np.bool_)
    copy[1:] = (np.diff(of) == 0) & (rows["stamp"][1:] == rows["stamp"][:-1])
    copy[1:] &= (rows["size"][1:] == rows["size"][:-1]) & (np.diff(rows["time_s"]) < COPY_S)
    kept = np.ones(len(order), np.bool_)
    kept[order[copy]] = False
    return kept


def usual_pause(pauses: Floats) -> float:
    """Return the most common pause between packets, 0 where none is common."""
    if len(pauses) < FEWEST_PAUSES:
        return 0.0
    ordered = np.sort(pauses[pauses > SHORTEST_S])
    near = np.searchsorted(ordered, ordered * (1 + NEAR)) - np.searchsorted(ordered, ordered * (1 - NEAR))
    if not len(near) or near.max() < COMMON_SHARE * len(pauses):
        return 0.0
    peak = ordered[int(np.argmax(near))]
    return float(ordered[(ordered >= peak * (1 - NEAR)) & (ordered <= peak * (1 + NEAR))].mean())


def cadence_steps(times: list[float], usual: float) -> tuple[list[int], float]:
    """Return how many intervals each packet comes after the one before, and how far from the clock they are on average.

    The clock follows the packets slowly, so that alternating pauses (libtgvoip: 64, 64, 64, 64, 43 ms) are one cadence.
    """
    clock_s, steps, off = times[0], [0], 0.0
    for at in times[1:]:
        step = max(round((at - clock_s) / usual), 0)
        clock_s += step * usual
        off += min(abs(at - clock_s), usual)
        clock_s += FOLLOW * (at - clock_s)
        steps.append(step)
    return steps, off / len(times) / usual


def locked(times: list[float], common: float) -> tuple[list[int], float]:
    """Return (steps, interval) where the packets keep an interval near the common pause; an interval of 0 otherwise."""
    if not common:
        return [], 0.0
    for first in FIRST_GUESSES:
        off, usual, steps = _corrected(times, common * first)
        if off <= OFF_CLOCK:
            return steps, usual
    return [], 0.0


def _corrected(times: list[float], usual: float) -> tuple[float, float, list[int]]:
    """Return (how far off, interval, steps) after the interval was corrected by the number of steps over all
    packets."""
    steps: list[int] = []
    off = 1.0
    for _ in range(ROUNDS):
        steps, off = cadence_steps(times, usual)
        usual = max((times[-1] - times[0]) / max(sum(steps), 1), SHORTEST_S)
    return off, usual, steps


def holes(steps: list[int]) -> Ints:
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


def by_cadence(segments: Segments) -> tuple[RtpOrder, Timing]:
    """Find holes and freezes by cadence, in the same form as for RTP. `clock_hz` is the packet rate, 0 without a
    cadence."""
    pause = segments.step(segments.rows["time_s"])
    size = len(pause)
    missing, usual = np.zeros(size, np.int64), np.zeros(len(segments))
    for segment, (begin, count) in enumerate(zip(segments.begin.tolist(), segments.count.tolist(), strict=True)):
        if segments.rows["outer"][begin] == TLS:  # TCP repeats what was lost: nothing is missing, only late
            continue
        part = slice(begin, begin + count)
        common = usual_pause(pause[begin + 1 : begin + count])
        steps, usual[segment] = locked(segments.rows["time_s"][part].tolist(), common)
        if usual[segment] > 0:
            missing[part] = holes(steps)
    each = usual[segments.of]
    before = np.arange(size) - 1
    before[segments.begin] = -1
    missing[segments.begin] = 0
    held = np.where(each > 0, pause - each >= FREEZE_S, pause >= _too_long(segments, pause)[segments.of])
    jitter = np.where((each > 0) & (missing == 0) & ~held, np.abs(pause - each), np.nan)
    jitter[segments.begin] = np.nan
    rate = np.divide(1.0, usual, out=np.zeros(len(segments)), where=usual > 0)
    never = np.zeros(size, np.bool_)
    order = RtpOrder(np.arange(size), ~never, missing, before, never)
    return order, Timing(rate, np.zeros(size), jitter, pause, np.where(held, pause - each, 0.0), never)


def _too_long(segments: Segments, pause: Floats) -> Floats:
    """Return the pause from which on it is a freeze, where there is no cadence but packets come all the time: many
    times the longest usual one."""
    order = np.lexsort((pause, segments.of))
    place = segments.begin + np.floor(USUAL_SHARE * (segments.count - 1)).astype(np.int64)
    usual = pause[order][place]
    busy = (segments.count >= FEWEST_PAUSES) & (usual <= USUAL_S)
    return np.where(busy, np.maximum(LONG_S, LONG * usual), np.inf)
