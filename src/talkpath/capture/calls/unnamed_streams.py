"""Counts steady two-way streams at a voice's pace, in flows that no recogniser knows and where no RTP was seen.

They are no calls: an app that nobody has described may send them, and so may a tunnel with a call inside.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

MIN_STREAM_S = 10.0
PACKETS_PER_S = np.array((1000 / 60, 25.0, 100 / 3, 50.0))
"""Of frames of 60, 40, 30 and 20 ms. Games keep other paces: 20, 30, 60 or 64 a second."""
MAX_PACE_SHARE_OFF = 0.03
LEAST_BYTES, MOST_BYTES = 40, 320
"""The mean size of a direction's packets, from sealed frames at 6 kbit/s in 20 ms to 32 kbit/s in 60 ms."""
UDP = 17


def count_unnamed_streams(table: NDArray[np.void], taken: Collection[int], groups: NDArray[np.bool_]) -> int:
    """Return in how many flows both directions keep a voice's pace and sizes for long, without those of calls and
    attempts (`taken`), of QUIC, of DTLS and to groups."""
    duration_s = np.maximum(table["last_s"] - table["first_s"], 1e-9)[:, None]
    pace = table["packets"] / duration_s
    off = np.abs(pace[:, :, None] / PACKETS_PER_S - 1).min(axis=2)
    size = table["bytes"] / np.maximum(table["packets"], 1)
    steady = (off < MAX_PACE_SHARE_OFF) & (size >= LEAST_BYTES) & (size <= MOST_BYTES)
    others = (table["quic"] > 0) | table["hellos"].any(axis=1) | table["sealed"].any(axis=1) | groups
    found = steady.all(axis=1) & (duration_s[:, 0] >= MIN_STREAM_S) & (table["protocol"] == UDP) & ~others
    found[list(taken)] = False
    return int(found.sum())
