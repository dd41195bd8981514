"""Counts packets by flow, direction and second, to tell whether other traffic went on while a call suffered.

Of TCP only received packets are counted, since what this end sends over a dead line shows nothing. The local end is not
known yet when a packet is read, so a packet counts as received where it comes from outside, or, where both ends or none
are private, from the lower port, which is a server's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.packets.datagrams import Seconds
from talkpath.capture.packets.flows import Directions, is_private
from talkpath.wire.pcap import Packets, Unread
from talkpath.wire.pcap.arrays import Bools, Ints, is_ordered, joined_records, records_at, stable_order

TCP_OUTSIDE, TCP_INSIDE = -1, -2
"""Flow numbers that stand for all of TCP: with an end outside, and between private addresses."""

MOST_ACTIVITY_CELLS, MOST_TCP_SECONDS = 1 << 23, 1 << 20
"""So many seconds of flows, 20 bytes each, and of all TCP are counted; more are damaged times, or a flood of flows."""

CELL_TYPE = np.dtype([("flow", "i4"), ("second", "i8"), ("packets", "i4", 2)])


class Activity:
    """Packets by flow, second and direction; of TCP the sum of what was received, without flows that may be calls."""

    def __init__(self, unread: Unread) -> None:
        self._unread = unread
        self.held = 0
        """How many seconds of flows are counted."""

        self._pieces: list[NDArray[np.void]] = []
        self._others: dict[tuple[int, int], int] = {}

    def flows(self, flow: Ints, direction: Directions, time_s: Seconds) -> None:
        """Count UDP packets."""
        second = np.floor(time_s).astype(np.int64)
        order = stable_order(flow) if is_ordered(second) else np.lexsort((second, flow))
        ordered_flow, ordered_second = flow[order], second[order]
        fresh = np.ones(len(order), np.bool_)
        fresh[1:] = (np.diff(ordered_flow) != 0) | (np.diff(ordered_second) != 0)
        cell = np.cumsum(fresh) - 1
        if self.held > MOST_ACTIVITY_CELLS:
            self._unread.note("packet not counted by second: too many seconds of flows", len(order))
            return
        piece = np.zeros(int(cell[-1]) + 1, CELL_TYPE)
        self.held += len(piece)
        piece["flow"], piece["second"] = ordered_flow[fresh], ordered_second[fresh]
        slots = np.bincount(cell * 2 + direction[order], minlength=2 * len(piece))
        piece["packets"] = slots.reshape(-1, 2)
        self._pieces.append(piece)

    def followed(self, flow: Ints, direction: Directions, packets: Packets, time_s: Seconds) -> None:
        """Count packets, which were counted as TCP before, to flows that may be calls."""
        self.flows(flow, direction, time_s)
        self.others(packets, time_s, -1)

    def others(self, packets: Packets, time_s: Seconds, times: int = 1) -> None:
        """Count TCP packets."""
        target = is_private(packets.target_high, packets.target_low)
        source = is_private(packets.source_high, packets.source_low)
        is_received = np.where(target == source, packets.source_port < packets.target_port, target)
        inside = target & source
        for flow, rows in ((TCP_OUTSIDE, is_received & ~inside), (TCP_INSIDE, is_received & inside)):
            self._count(flow, time_s[rows], times)

    def _count(self, flow: int, time_s: Seconds, times: int) -> None:
        seconds, counts = np.unique(np.floor(time_s).astype(np.int64), return_counts=True)
        for second, count in zip(seconds.tolist(), counts.tolist(), strict=True):
            if len(self._others) > MOST_TCP_SECONDS and (flow, second) not in self._others:
                self._unread.note("TCP packet not counted by second: too many seconds", count)
                continue
            self._others[flow, second] = self._others.get((flow, second), 0) + times * count

    def forget(self, before_s: float) -> None:
        """Drop what was counted before that time; for those who look at the last seconds only."""
        self._pieces = [piece for piece in self._pieces if piece["second"].max() >= before_s]
        self._others = {cell: count for cell, count in self._others.items() if cell[1] >= before_s}
        self.held = sum(map(len, self._pieces))

    def cells(self) -> NDArray[np.void]:
        """Return all cells, TCP's among them (as flow TCP or TCP_INSIDE, in both columns). A second of a flow may have
        several cells."""
        tcp = np.zeros(len(self._others), CELL_TYPE)
        if self._others:
            tcp["flow"], tcp["second"] = np.array(list(self._others)).T
            tcp["packets"] = np.array(list(self._others.values()))[:, None]
        return joined_records([*self._pieces, tcp])

    def received(self, local: Directions, private: Bools, groups: Bools, *, inside: bool) -> NDArray[np.void]:
        """Return cells with what the local end of each flow received in both columns.

        `private` and `groups` tell of each flow whether both its ends are private addresses, and whether one is a
        multicast address, whose packets show nothing of a network. `inside` includes flows between private addresses,
        which show nothing of the path outside.
        """
        cells = self.cells()
        udp, flow = cells["flow"] >= 0, cells["flow"][cells["flow"] >= 0]
        kept = inside | (cells["flow"] != TCP_INSIDE)
        kept[udp] = ~groups[flow] & (inside | ~private[flow])
        cells["packets"][udp] = cells["packets"][np.flatnonzero(udp), 1 - local[flow]][:, None]
        return records_at(cells, kept)
