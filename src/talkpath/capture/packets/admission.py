"""Decides which new flows get a row of the table where a file holds very many flows.

A flood of flows of one packet each (a scan, made-up addresses) would fill the memory. So where there are CROWDED flows
already, a new one must show PACKETS packets first; beyond MOST_FLOWS none is added. What is left out is counted.
"""

from __future__ import annotations

import numpy as np

from talkpath.wire.pcap import Unread
from talkpath.wire.pcap.arrays import Bools, Ints, Words

CROWDED_FLOWS, MOST_TABLE_FLOWS = 1 << 18, 1 << 19
ADMITTED_PACKETS = 3
COUNTER_SLOTS = 1 << 20
"""The number of counters, which are halved after as many packets."""


class Admission:
    """Counts the packets of flows that have no row yet."""

    def __init__(self, unread: Unread) -> None:
        self._unread = unread
        self._counts = np.zeros(0, np.uint8)
        self._counted = 0

    def admits(self, keys: Words, known: Bools, flows: int) -> Bools:
        """Tell which packets belong to flows that are known or may be added. There are so many `flows`."""
        out = known.copy()
        new, first, inverse, times = np.unique(keys[~known], return_index=True, return_inverse=True, return_counts=True)
        in_order = np.argsort(first)
        allowed = self._count(new, times) >= ADMITTED_PACKETS
        allowed[in_order[: max(CROWDED_FLOWS - flows, 0)]] = True
        allowed[in_order[np.cumsum(allowed[in_order]) > MOST_TABLE_FLOWS - flows]] = False
        out[~known] = allowed[inverse]
        self._unread.note("packet of a flow of few packets: too many flows in the file", int(np.sum(~out)))
        return out

    def _count(self, keys: Words, times: Ints) -> Ints:
        """Count so many packets of each flow; return how many each has shown."""
        if not len(self._counts):
            self._counts = np.zeros(COUNTER_SLOTS, np.uint8)
        slots, inverse = np.unique(keys & np.uint64(COUNTER_SLOTS - 1), return_inverse=True)
        counts: Ints = np.bincount(inverse, times, len(slots)).astype(np.int64)
        counts += self._counts[slots]
        self._counts[slots] = np.minimum(counts, 255)
        self._counted += int(times.sum())
        if self._counted > COUNTER_SLOTS:
            self._counts >>= 1
            self._counted = 0
        return counts[inverse]
