"""Finds flows that went silent and came back, as after a NAT rebinding (the translator gives the flow another port).

A middlebox takes what comes back for a new flow: its counts and timers start again. So rules are fitted to what was
sent before, of calls and twins alike. If only packets smaller than all lost ones arrive again (silence suppression
under a size limit), the flow did not come back. Contract: facts only; rows are flows, columns are slots of one
direction.
"""

from __future__ import annotations

import numpy as np

from talkpath.measure.arrays import Bits, Floats

LIVED, SILENT, ALIVE = 3, 8, 8  # packets that arrived before, were lost in a row, and then arrived in a row


def first_life(sent: Bits, arrived: Bits, size: Floats) -> Bits:
    """Return what each flow sent before it first came back; everything if it never did. `size` (slots,) in bytes."""
    kept = sent.copy()
    for flow in np.flatnonzero((sent & ~arrived).sum(axis=1) >= SILENT):
        slots = np.flatnonzero(sent[flow])
        back = _first_back(arrived[flow, slots], size[slots])
        if back is not None:
            kept[flow, slots[back:]] = False
    return kept


def _first_back(came: Bits, size: Floats) -> int | None:
    """Return the number of the first packet after the flow came back; None if it did not."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], came, [False])).astype(np.int8)))
    begins, ends = edges[::2], edges[1::2]  # of runs of arrivals
    for last, begin, end in zip(ends, begins[1:], ends[1:], strict=False):
        long = begin - last >= SILENT and end - begin >= ALIVE and came[:last].sum() >= LIVED
        if long and size[begin:end].max() >= size[last:begin].min():
            return int(begin)
    return None
