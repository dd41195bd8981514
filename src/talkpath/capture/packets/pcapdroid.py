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
MAX_LABELS_A_FLOW = 4  # a recording has one; a file with a new one behind each packet would fill the memory


class AppLabels:
    """The apps that the file names, by flow."""

    def __init__(self) -> None:
        self._labels: dict[int, Counter[str | int]] = {}
        self._apps: dict[int, tuple[str, str]] = {}

    def feed(self, frames: Frames, packets: Packets, flow: Ints) -> None:
        """Read the names of one block."""
        if frames.uid is not None:
            self._apps = frames.apps
            uid = frames.uid[packets.frame]
            pairs, counts = np.unique(np.stack([flow, uid], axis=1)[uid >= 0], axis=0, return_counts=True)
            for (number, one), times in zip(pairs.tolist(), counts.tolist(), strict=True):
                self._count(number, one, times)
        end = frames.start[packets.frame] + frames.captured[packets.frame] - TRAILER_BYTES
        rows = np.flatnonzero(end >= packets.payload)
        if not len(rows) or not (big32(bytes_at(frames.data, end[rows[:64]], 4), 0) == TRAILER_MAGIC).any():
            return
        trailer = bytes_at(frames.data, end[rows], TRAILER_BYTES)
        named = big32(trailer, 0) == TRAILER_MAGIC
        rows, names = rows[named], np.ascontiguousarray(trailer[named, NAME_PLACE]).view("S20").ravel()
        seen, counts = np.unique(np.rec.fromarrays([flow[rows], names]), return_counts=True)
        for (number, name), times in zip(seen.tolist(), counts.tolist(), strict=True):
            self._count(number, name.decode("utf-8", "replace").strip(), times)

    def _count(self, flow: int, label: str | int, times: int) -> None:
        labels = self._labels.setdefault(flow, Counter())
        if len(labels) < MAX_LABELS_A_FLOW:
            labels[label] += times

    def of(self, flows: list[int]) -> tuple[str, ...]:
        """Return the app that these flows are most often of, as texts that may name it: package and name, or the name
        of a trailer; none where the file names none."""
        labels: Counter[str | int] = sum((self._labels[flow] for flow in flows if flow in self._labels), Counter())
        most = labels.most_common(1)[0][0] if labels else -1
        return self._apps.get(most, ()) if isinstance(most, int) else (most,)
