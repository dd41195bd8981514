"""Rows of packets that may be media, kept until the streams among them are known.

A row is 40 bytes; `spool` holds them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.packets.datagrams import RTP, Datagrams
from talkpath.capture.packets.flows import hash_words
from talkpath.wire.pcap.arrays import Bools, Ints, Words

ROW_TYPE = np.dtype(
    [
        ("time_s", "f8"),
        ("key", "u8"),
        ("flow", "i4"),
        ("ssrc", "u4"),
        ("stamp", "u4"),
        ("sequence", "u2"),
        ("size", "u2"),
        ("type", "u1"),
        ("direction", "u1"),
        ("outer", "u1"),
        ("tcp", "u1"),
        ("state", "u1"),
    ],
    align=True,  # numpy reads such columns without a copy
)
"""`key` tells streams apart (flow, direction, SSRC); `stamp` is the RTP timestamp, `type` the payload type with the
marker bit on top; for media without a readable header `ssrc` is 0, `stamp` a hash of the first bytes and `type` a code.
`state` says whether a row is still to be counted."""

FRESH_FLAG, SEEN_FLAG, EARLY_FLAG = range(3)
"""States of a row in a part of all rows: to be counted now; counted before; too near the part's end to be counted
yet."""

NONE, VOICE, VIDEO, MEDIA, UNTOLD_FLAG = range(5)
"""Codes of a datagram without a readable header: no media, one medium, media of either kind; the flag beside one of
these says that it may be anything else, since the recording cut off its header."""

Rows = NDArray[np.void]

FEWEST_ROWS = 4
HASHED_BYTES = 24
"""Bytes that the hash of a packet without a readable header is made of; where fewer were recorded, no two are equal."""


def is_video(rows: Rows) -> Bools:
    """Tell which rows without a readable header look like video."""
    return np.asarray(rows["type"] & ~np.uint8(UNTOLD_FLAG) == VIDEO, np.bool_)


def stream_key(flow: Ints, direction: NDArray[np.int8], ssrc: Words) -> Words:
    """Return one number for flow, direction and SSRC."""
    return hash_words((flow.astype(np.uint64) << np.uint64(33)) ^ (direction.astype(np.uint64) << np.uint64(32)) ^ ssrc)


def rtp_rows(batch: Datagrams) -> Rows:
    """Make rows of the RTP-like datagrams (RFC 3550 section 5.1)."""
    rows = np.flatnonzero(batch.kind == RTP)
    out, head = _rows_of_batch(batch, rows), batch.head[:, :12][rows]
    out["type"] = head[:, 1]
    out["sequence"], out["stamp"] = head[:, 2:4].view(">u2")[:, 0], head[:, 4:8].view(">u4")[:, 0]
    ssrc = head[:, 8:12].view(">u4")[:, 0].astype(np.uint64)
    out["ssrc"], out["key"] = ssrc, stream_key(batch.flow[rows], batch.direction[rows], ssrc)
    return out


def headerless_rows(batch: Datagrams, rows: Ints) -> Rows:
    """Make rows of datagrams without a readable header."""
    out = _rows_of_batch(batch, rows)
    first = np.ascontiguousarray(batch.head[rows, :HASHED_BYTES]).view("<u8").reshape(-1, 3)
    cut = batch.captured[rows] < np.minimum(batch.size[rows], HASHED_BYTES)
    first[cut, 2] = np.ascontiguousarray(out["time_s"][cut]).view("<u8")  # so few bytes may be those of a header
    out["stamp"] = hash_words(first[:, 0] ^ hash_words(first[:, 1] ^ hash_words(first[:, 2]))) & np.uint64(0xFFFFFFFF)
    out["key"] = stream_key(batch.flow[rows], batch.direction[rows], np.zeros(len(rows), np.uint64))
    return out


def _rows_of_batch(batch: Datagrams, rows: Ints) -> Rows:
    out = np.zeros(len(rows), ROW_TYPE)
    out["time_s"], out["flow"], out["direction"] = batch.time_s[rows], batch.flow[rows], batch.direction[rows]
    out["size"] = np.minimum(batch.size[rows], 65535)
    out["outer"], out["tcp"] = batch.outer[rows], batch.tcp
    return out
