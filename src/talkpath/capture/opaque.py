"""Media without a readable header (Telegram's own transports): what its sizes and cadence tell.

No sequence number is there, so loss is counted only where a steady cadence lets a hole be seen, and said to be
counted so. Copies of one packet are told by the hash of their first bytes.
"""

from __future__ import annotations

import numpy as np

from talkpath.capture.order import Segments, Sequence
from talkpath.capture.timing import FREEZE_S, Floats, Timing
from talkpath.wire.pcap.frames import Bools, Ints

COPY_S = 1.0
FEWEST_PAUSES = 20
NEAR = 0.25
STEADY_SHARE = 0.7
"""A stream has a cadence when that share of its pauses lies within NEAR of a multiple of the usual one."""


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


def cadence_s(pauses: Floats) -> float:
    """The usual pause between packets, 0 where there is none: most pauses lie near it or near a multiple of it."""
    if len(pauses) < FEWEST_PAUSES:
        return 0.0
    ordered = np.sort(pauses[pauses > 0.001])
    near = np.searchsorted(ordered, ordered * (1 + NEAR)) - np.searchsorted(ordered, ordered * (1 - NEAR))
    if not len(near) or near.max() < 0.25 * len(pauses):
        return 0.0
    peak = ordered[int(np.argmax(near))]
    usual = float(ordered[(ordered >= peak * (1 - NEAR)) & (ordered <= peak * (1 + NEAR))].mean())
    ratio = ordered / usual
    fits = np.abs(ratio - np.round(ratio)) <= np.maximum(NEAR, 0.1 * ratio)
    return usual if np.mean(fits) >= STEADY_SHARE else 0.0


def holes(pauses: Floats, usual: float) -> Ints:
    """How many packets are missing before each: cadences without one, less those that came in a burst after."""
    missing = np.zeros(len(pauses), np.int64)
    for place in np.flatnonzero(pauses > 1.7 * usual).tolist():
        skipped = round(float(pauses[place]) / usual) - 1
        after = place + 1
        while after < len(pauses) and pauses[after] < 0.6 * usual and skipped > 0:
            skipped, after = skipped - 1, after + 1
        missing[place] = skipped
    return missing


def by_cadence(found: Segments) -> tuple[Sequence, Timing]:
    """Holes and freezes by cadence, in the same form as for RTP. `clock_hz` is the packet rate, 0 without a cadence."""
    pause = found.step(found.rows["time_s"])
    size = len(pause)
    missing, usual = np.zeros(size, np.int64), np.zeros(len(found))
    for segment, (begin, count) in enumerate(zip(found.begin.tolist(), found.count.tolist(), strict=True)):
        pauses = pause[begin + 1 : begin + count]
        usual[segment] = cadence_s(pauses)
        if usual[segment] > 0:
            missing[begin + 1 : begin + count] = holes(pauses, float(usual[segment]))
    each = usual[found.of]
    before = np.arange(size) - 1
    before[found.begin] = -1
    held = (each > 0) & (pause - each >= FREEZE_S)
    jitter = np.where((each > 0) & (missing == 0) & ~held, np.abs(pause - each), np.nan)
    jitter[found.begin] = np.nan
    rate = np.divide(1.0, usual, out=np.zeros(len(found)), where=usual > 0)
    never = np.zeros(size, np.bool_)
    order = Sequence(np.arange(size), ~never, missing, before, never)
    return order, Timing(rate, np.zeros(size), jitter, pause, np.where(held, pause - each, 0.0))
