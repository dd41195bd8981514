"""Media without a readable header (Telegram's own transports): what its sizes and cadence tell.

No sequence number is there, so loss is counted only where a steady cadence lets a hole be seen, and said to be
counted so. Copies of one packet are told by the hash of their first bytes.
"""

from __future__ import annotations

import numpy as np

from talkpath.capture.packets.datagrams import TLS
from talkpath.capture.streams.rtp_order import Segments, Sequence
from talkpath.capture.streams.timing import FREEZE_S, Floats, Timing
from talkpath.wire.pcap.arrays import Bools, Ints

COPY_S = 1.0
FEWEST_PAUSES, SHORTEST_S = 40, 0.005
NEAR, COMMON_SHARE = 0.25, 0.4
"""So many pauses must lie so near the usual one for a cadence to be looked for."""
USUAL_SHARE, USUAL_S, LONG, LONG_S = 0.95, 0.25, 4, 2 * FREEZE_S
FOLLOW, ROUNDS, OFF_BEAT, FIRST_GUESSES = 0.2, 3, 0.12, (1.0, 0.94, 1.06)
"""How fast the beat follows, how often it is sharpened, how far off it packets may be, where to begin."""


def without_copies(found: Segments) -> Bools:
    """False for rows whose first bytes came within the second before in the same segment."""
    order = np.lexsort((found.rows["time_s"], found.rows["stamp"], found.of))
    rows, of = found.rows[order], found.of[order]
    copy = np.zeros(len(order), np.bool_)
    copy[1:] = (np.diff(of) == 0) & (rows["stamp"][1:] == rows["stamp"][:-1])
    copy[1:] &= (rows["size"][1:] == rows["size"][:-1]) & (np.diff(rows["time_s"]) < COPY_S)
    kept = np.ones(len(order), np.bool_)
    kept[order[copy]] = False
    return kept


def usual_pause(pauses: Floats) -> float:
    """The most common pause between packets, 0 where none is common."""
    if len(pauses) < FEWEST_PAUSES:
        return 0.0
    ordered = np.sort(pauses[pauses > SHORTEST_S])
    near = np.searchsorted(ordered, ordered * (1 + NEAR)) - np.searchsorted(ordered, ordered * (1 - NEAR))
    if not len(near) or near.max() < COMMON_SHARE * len(pauses):
        return 0.0
    peak = ordered[int(np.argmax(near))]
    return float(ordered[(ordered >= peak * (1 - NEAR)) & (ordered <= peak * (1 + NEAR))].mean())


def beats(times: list[float], usual: float) -> tuple[list[int], float]:
    """How many cadences each packet lies behind the one before, and how far off the beat they are on average.

    The beat follows the packets slowly, so that alternating pauses (libtgvoip: 64, 64, 64, 64, 43 ms) are one cadence.
    """
    beat, steps, off = times[0], [0], 0.0
    for at in times[1:]:
        step = max(round((at - beat) / usual), 0)
        beat += step * usual
        off += min(abs(at - beat), usual)
        beat += FOLLOW * (at - beat)
        steps.append(step)
    return steps, off / len(times) / usual


def locked(times: list[float], common: float) -> tuple[list[int], float]:
    """(steps, cadence) where the packets keep to one that lies near the common pause; a cadence of 0 otherwise."""
    if not common:
        return [], 0.0
    for first in FIRST_GUESSES:
        off, usual, steps = _sharpened(times, common * first)
        if off <= OFF_BEAT:
            return steps, usual
    return [], 0.0


def _sharpened(times: list[float], usual: float) -> tuple[float, float, list[int]]:
    """(how far off, cadence, steps) after the cadence was corrected by what it counts over all."""
    steps: list[int] = []
    off = 1.0
    for _ in range(ROUNDS):
        steps, off = beats(times, usual)
        usual = max((times[-1] - times[0]) / max(sum(steps), 1), SHORTEST_S)
    return off, usual, steps


def holes(steps: list[int]) -> Ints:
    """How many packets are missing before each: beats without one, less those that came in a burst afterwards."""
    missing = np.zeros(len(steps), np.int64)
    gap = 0
    for place, step in enumerate(steps):
        if step > 1:
            gap = place
            missing[place] = step - 1
        elif step == 0 and missing[gap] > 0:
            missing[gap] -= 1
    return missing


def by_cadence(found: Segments) -> tuple[Sequence, Timing]:
    """Holes and freezes by cadence, in the same form as for RTP. `clock_hz` is the packet rate, 0 without a cadence."""
    pause = found.step(found.rows["time_s"])
    size = len(pause)
    missing, usual = np.zeros(size, np.int64), np.zeros(len(found))
    for segment, (begin, count) in enumerate(zip(found.begin.tolist(), found.count.tolist(), strict=True)):
        if found.rows["outer"][begin] == TLS:  # TCP repeats what was lost: nothing is missing, only late
            continue
        part = slice(begin, begin + count)
        common = usual_pause(pause[begin + 1 : begin + count])
        steps, usual[segment] = locked(found.rows["time_s"][part].tolist(), common)
        if usual[segment] > 0:
            missing[part] = holes(steps)
    each = usual[found.of]
    before = np.arange(size) - 1
    before[found.begin] = -1
    missing[found.begin] = 0
    held = np.where(each > 0, pause - each >= FREEZE_S, pause >= _too_long(found, pause)[found.of])
    jitter = np.where((each > 0) & (missing == 0) & ~held, np.abs(pause - each), np.nan)
    jitter[found.begin] = np.nan
    rate = np.divide(1.0, usual, out=np.zeros(len(found)), where=usual > 0)
    never = np.zeros(size, np.bool_)
    order = Sequence(np.arange(size), ~never, missing, before, never)
    return order, Timing(rate, np.zeros(size), jitter, pause, np.where(held, pause - each, 0.0), never)


def _too_long(found: Segments, pause: Floats) -> Floats:
    """Which pause is a freeze where there is no cadence but packets all the time: many times the longest usual one."""
    order = np.lexsort((pause, found.of))
    place = found.begin + np.floor(USUAL_SHARE * (found.count - 1)).astype(np.int64)
    usual = pause[order][place]
    busy = (found.count >= FEWEST_PAUSES) & (usual <= USUAL_S)
    return np.where(busy, np.maximum(LONG_S, LONG * usual), np.inf)
