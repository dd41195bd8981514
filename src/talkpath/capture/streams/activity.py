"""How many packets went each second, by flow and way: what of the rest went on while a call suffered.

Of TCP only what comes is counted: what this end sends into a dead line shows nothing. Which way that is nobody knows
yet when a packet is read: it comes from outside, or, where both ends or none are private, from the lower port, a
server's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.packets.datagrams import Seconds
from talkpath.capture.packets.flows import Ways, is_private
from talkpath.wire.pcap import Packets
from talkpath.wire.pcap.arrays import Bools, Ints

TCP, TCP_INSIDE = -1, -2
"""Flows that stand for all of TCP: with an end outside, and between private addresses."""

BUSY = np.dtype([("flow", "i4"), ("second", "i8"), ("packets", "i4", 2)])


class Activity:
    """Packets by flow, second and way; of TCP the sum of what came, but for what may be a call."""

    def __init__(self) -> None:
        self._pieces: list[NDArray[np.void]] = []
        self._others: dict[tuple[int, int], int] = {}

    def flows(self, flow: Ints, way: Ways, time_s: Seconds) -> None:
        """Count UDP packets."""
        second = np.floor(time_s).astype(np.int64)
        order = np.lexsort((second, flow))
        ordered_flow, ordered_second = flow[order], second[order]
        fresh = np.ones(len(order), np.bool_)
        fresh[1:] = (np.diff(ordered_flow) != 0) | (np.diff(ordered_second) != 0)
        cell = np.cumsum(fresh) - 1
        piece = np.zeros(int(cell[-1]) + 1, BUSY)
        piece["flow"], piece["second"] = ordered_flow[fresh], ordered_second[fresh]
        slots = np.bincount(cell * 2 + way[order], minlength=2 * len(piece))
        piece["packets"] = slots.reshape(-1, 2)
        self._pieces.append(piece)

    def followed(self, flow: Ints, way: Ways, packets: Packets, time_s: Seconds) -> None:
        """These, counted as TCP before, are of flows that may be calls."""
        self.flows(flow, way, time_s)
        self.others(packets, time_s, -1)

    def others(self, packets: Packets, time_s: Seconds, times: int = 1) -> None:
        """Count TCP packets."""
        target = is_private(packets.target_high, packets.target_low)
        source = is_private(packets.source_high, packets.source_low)
        comes = np.where(target == source, packets.source_port < packets.target_port, target)
        inside = target & source
        for flow, rows in ((TCP, comes & ~inside), (TCP_INSIDE, comes & inside)):
            self._count(flow, time_s[rows], times)

    def _count(self, flow: int, time_s: Seconds, times: int) -> None:
        seconds, counts = np.unique(np.floor(time_s).astype(np.int64), return_counts=True)
        for second, count in zip(seconds.tolist(), counts.tolist(), strict=True):
            self._others[flow, second] = self._others.get((flow, second), 0) + times * count

    def cells(self) -> NDArray[np.void]:
        """All cells, TCP's among them (as flow TCP or TCP_INSIDE, in both columns). A flow's second may lie in several
        cells."""
        tcp = np.zeros(len(self._others), BUSY)
        if self._others:
            tcp["flow"], tcp["second"] = np.array(list(self._others)).T
            tcp["packets"] = np.array(list(self._others.values()))[:, None]
        return np.concatenate([*self._pieces, tcp])

    def came(self, local: Ways, private: Bools, groups: Bools, *, inside: bool) -> NDArray[np.void]:
        """Cells with what came to the local end of each flow in both columns. `private` and `groups` tell of flows
        whether both ends are private addresses and whether one is a group's, which shows nothing of a network;
        `inside`: with flows between private addresses, which show nothing of the way outside."""
        cells = self.cells()
        udp, flow = cells["flow"] >= 0, cells["flow"][cells["flow"] >= 0]
        kept = inside | (cells["flow"] != TCP_INSIDE)
        kept[udp] = ~groups[flow] & (inside | ~private[flow])
        cells["packets"][udp] = cells["packets"][np.flatnonzero(udp), 1 - local[flow]][:, None]
        came: NDArray[np.void] = cells[kept]
        return came
