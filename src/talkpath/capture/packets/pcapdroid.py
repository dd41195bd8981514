"""Reads PCAPdroid's trailer: 32 bytes behind each packet that name the app it belongs to.

Layout (PCAPdroid, pcap_dump.h): magic 01072021, uid, 20 bytes of app name padded with zeros, 4 bytes of checksum.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from talkpath.wire.pcap import Frames, Packets
from talkpath.wire.pcap.arrays import Ints, big32, bytes_at

MAGIC, BYTES, NAME = 0x01072021, 32, slice(8, 28)


class AppLabels:
    """The app names that trailers give, by flow."""

    def __init__(self) -> None:
        self._names: dict[int, Counter[str]] = {}

    def feed(self, frames: Frames, packets: Packets, flow: Ints) -> None:
        """Read the trailers of one block."""
        end = frames.start[packets.frame] + frames.captured[packets.frame] - BYTES
        rows = np.flatnonzero(end >= packets.payload)
        if not len(rows) or not self._there(frames, end[rows[:64]]):
            return
        trailer = bytes_at(frames.data, end[rows], BYTES)
        named = big32(trailer, 0) == MAGIC
        rows, names = rows[named], np.ascontiguousarray(trailer[named, NAME]).view("S20").ravel()
        seen, counts = np.unique(np.rec.fromarrays([flow[rows], names]), return_counts=True)
        for (number, name), times in zip(seen.tolist(), counts.tolist(), strict=True):
            self._names.setdefault(number, Counter())[name.decode("utf-8", "replace").strip()] += times

    @staticmethod
    def _there(frames: Frames, end: Ints) -> bool:
        return bool(np.any(big32(bytes_at(frames.data, end, 4), 0) == MAGIC))

    def of(self, flows: list[int]) -> str:
        """Return the name most often given to these flows, empty where there is none."""
        if not self._names:
            return ""
        votes: Counter[str] = sum((self._names.get(flow, Counter()) for flow in flows), Counter())
        return votes.most_common(1)[0][0] if votes else ""
