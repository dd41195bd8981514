"""Reads the app names that PCAPdroid writes into its recordings.

In pcap a trailer of 32 bytes behind each packet (pcap_dump.h): magic 01072021, uid, 20 bytes of app name padded with
zeros, 4 bytes of checksum. In pcapng a comment with the uid at each packet, and a map of uids to packages and names.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from talkpath.wire.pcap import Frames, Packets
from talkpath.wire.pcap.arrays import Ints, big32, bytes_at

TRAILER_MAGIC, TRAILER_BYTES, NAME_PLACE = 0x01072021, 32, slice(8, 28)


class AppLabels:
    """The apps that the file names, by flow."""

    def __init__(self) -> None:
        self._names: dict[int, Counter[str]] = {}
        self._uids: dict[int, Counter[int]] = {}
        self._apps: dict[int, tuple[str, str]] = {}

    def feed(self, frames: Frames, packets: Packets, flow: Ints) -> None:
        """Read the names of one block."""
        if frames.uid is not None:
            self._apps = frames.apps
            self._count(flow, frames.uid[packets.frame])
        end = frames.start[packets.frame] + frames.captured[packets.frame] - TRAILER_BYTES
        rows = np.flatnonzero(end >= packets.payload)
        if not len(rows) or not (big32(bytes_at(frames.data, end[rows[:64]], 4), 0) == TRAILER_MAGIC).any():
            return
        trailer = bytes_at(frames.data, end[rows], TRAILER_BYTES)
        named = big32(trailer, 0) == TRAILER_MAGIC
        rows, names = rows[named], np.ascontiguousarray(trailer[named, NAME_PLACE]).view("S20").ravel()
        seen, counts = np.unique(np.rec.fromarrays([flow[rows], names]), return_counts=True)
        for (number, name), times in zip(seen.tolist(), counts.tolist(), strict=True):
            self._names.setdefault(number, Counter())[name.decode("utf-8", "replace").strip()] += times

    def _count(self, flow: Ints, uid: Ints) -> None:
        known = uid >= 0
        pairs, counts = np.unique(np.stack([flow[known], uid[known]], axis=1), axis=0, return_counts=True)
        for (number, one), times in zip(pairs.tolist(), counts.tolist(), strict=True):
            self._uids.setdefault(number, Counter())[one] += times

    def of(self, flows: list[int]) -> tuple[str, ...]:
        """Return the app that these flows are most often of, as texts that may name it: package and name, or the name
        of a trailer; none where the file names none."""
        uids: Counter[int] = sum((self._uids[flow] for flow in flows if flow in self._uids), Counter())
        if uids:
            return self._apps.get(uids.most_common(1)[0][0], ())
        names: Counter[str] = sum((self._names[flow] for flow in flows if flow in self._names), Counter())
        return (names.most_common(1)[0][0],) if names else ()
