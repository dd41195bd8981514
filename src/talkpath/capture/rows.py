"""Packets that may be media, kept as columns until the streams among them are known.

RTP is told from bytes that look like it by chance only over several packets: the same SSRC again. So every
RTP-like datagram is a row first; rows whose SSRC never came again are dropped when there are many.
A row is 37 bytes; what is not media does not add to memory.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.datagrams import Datagrams
from talkpath.capture.flows import mix
from talkpath.wire.pcap.frames import Ints, Words, big16, big32

ROW = np.dtype(
    [
        ("time_s", "f8"),
        ("key", "u8"),
        ("flow", "i4"),
        ("ssrc", "u4"),
        ("stamp", "u4"),
        ("sequence", "u2"),
        ("size", "u2"),
        ("type", "u1"),
        ("way", "u1"),
        ("outer", "u1"),
        ("tcp", "u1"),
    ]
)
"""`key` tells streams apart (flow, way, SSRC); `stamp` is the RTP timestamp, `type` the payload type with the marker
bit on top; for media without a readable header `ssrc` is 0, `stamp` a hash of the first bytes and `type` a code."""

NONE, VOICE, VIDEO, MEDIA = range(4)
"""What a datagram without a readable header is: no media, one medium, media of either kind."""

Rows = NDArray[np.void]

CROWDED = 1 << 20
FEWEST = 4
PATIENCE_S = 30.0


def stream_key(flow: Ints, way: NDArray[np.int8], ssrc: Words) -> Words:
    """One number for flow, way and SSRC."""
    return mix((flow.astype(np.uint64) << np.uint64(33)) ^ (way.astype(np.uint64) << np.uint64(32)) ^ ssrc)


def rtp_rows(found: Datagrams, rows: Ints) -> Rows:
    """Rows of RTP-like datagrams (RFC 3550 section 5.1)."""
    head = found.head[rows]
    out = _rows(found, rows)
    out["type"] = head[:, 1]
    out["sequence"] = big16(head, 2)
    out["stamp"] = big32(head, 4)
    out["ssrc"] = big32(head, 8)
    out["key"] = stream_key(found.flow[rows], found.way[rows], out["ssrc"].astype(np.uint64))
    return out


def opaque_rows(found: Datagrams, rows: Ints) -> Rows:
    """Rows of datagrams without a readable header."""
    out = _rows(found, rows)
    first = np.ascontiguousarray(found.head[rows, :24]).view("<u8").reshape(-1, 3)
    out["stamp"] = mix(first[:, 0] ^ mix(first[:, 1] ^ mix(first[:, 2]))) & np.uint64(0xFFFFFFFF)
    out["key"] = stream_key(found.flow[rows], found.way[rows], np.zeros(len(rows), np.uint64))
    return out


def _rows(found: Datagrams, rows: Ints) -> Rows:
    out = np.zeros(len(rows), ROW)
    out["time_s"], out["flow"], out["way"] = found.time_s[rows], found.flow[rows], found.way[rows]
    out["size"] = np.minimum(found.size[rows], 65535)
    out["outer"], out["tcp"] = found.outer[rows], found.tcp
    return out


class Store:
    """Rows of all blocks so far."""

    def __init__(self, prune: bool) -> None:
        self._prune = prune
        self._pieces: list[Rows] = []
        self._size, self._limit = 0, CROWDED

    def add(self, rows: Rows) -> None:
        """Keep these; drop one-off rows when it gets crowded."""
        if not len(rows):
            return
        self._pieces.append(rows)
        self._size += len(rows)
        if self._prune and self._size > self._limit:
            self._pieces = [self._repeated(np.concatenate(self._pieces))]
            self._size = len(self._pieces[0])
            self._limit = max(CROWDED, 2 * self._size)

    def _repeated(self, rows: Rows) -> Rows:
        _, inverse, times = np.unique(rows["key"], return_inverse=True, return_counts=True)
        recent = rows["time_s"] > rows["time_s"].max() - PATIENCE_S
        kept: Rows = rows[(times[inverse] >= FEWEST) | recent]
        return kept

    def all(self) -> Rows:
        """Everything kept, in the order of arrival."""
        if len(self._pieces) > 1:
            every = np.empty(self._size, ROW)
            at = 0
            self._pieces.reverse()
            while self._pieces:  # each is let go when it is copied: two copies of all would be the peak of the run
                piece = self._pieces.pop()
                every[at : at + len(piece)] = piece
                at += len(piece)
            self._pieces = [every]
        return self._pieces[0] if self._pieces else np.zeros(0, ROW)
