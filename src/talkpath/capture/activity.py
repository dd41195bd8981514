"""How many packets went each second, by flow and way: what of the rest went on while a call suffered."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.datagrams import Seconds
from talkpath.capture.flows import Ways
from talkpath.wire.pcap.frames import Ints

BUSY = np.dtype([("flow", "i4"), ("second", "i8"), ("packets", "i4", 2)])


class Activity:
    """Packets by flow, second and way; TCP only in sum, as flow -1, but for what may be a call."""

    def __init__(self) -> None:
        self._pieces: list[NDArray[np.void]] = []
        self._others: dict[int, int] = {}

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

    def followed(self, flow: Ints, way: Ways, time_s: Seconds) -> None:
        """These, counted as TCP before, are of flows that may be calls."""
        self.flows(flow, way, time_s)
        self.others(time_s, -1)

    def others(self, time_s: Seconds, times: int = 1) -> None:
        """Count TCP packets."""
        seconds, counts = np.unique(np.floor(time_s).astype(np.int64), return_counts=True)
        for second, count in zip(seconds.tolist(), counts.tolist(), strict=True):
            self._others[second] = self._others.get(second, 0) + times * count

    def cells(self) -> NDArray[np.void]:
        """All cells, TCP's among them. A flow's second may lie in several cells."""
        tcp = np.zeros(len(self._others), BUSY)
        tcp["flow"], tcp["second"] = -1, list(self._others)
        tcp["packets"][:, 0] = list(self._others.values())
        return np.concatenate([*self._pieces, tcp])
