"""Finds the IP header in frames of every link type that carries calls.

It reads one header after the other (`link_headers`) until it reaches IP; frames without IP are counted.
"""

from __future__ import annotations

import numpy as np

from talkpath.wire.pcap.arrays import Bools, Bytes, Ints, big16, bytes_at
from talkpath.wire.pcap.frames import Frames, Unread
from talkpath.wire.pcap.link_headers import (
    CARRIERS,
    CUT,
    ERSPAN,
    ERSPAN_3,
    ETHERNET,
    ETHERTYPE,
    IP,
    LLC,
    PPP_PROTOCOL,
    UNREADABLE,
)

MAX_LINK_HEADERS = 12

_CARRIERS = tuple(CARRIERS.items())
_NUMBER = np.full(CUT + 1, len(_CARRIERS) + 1, np.int16)
"""Kind to place in _CARRIERS; one more for unknown kinds and for IP."""
_NUMBER[[kind for kind, _ in _CARRIERS]] = np.arange(len(_CARRIERS))


def ip_header_offsets(frames: Frames, unread: Unread) -> Ints:
    """Return the offset of the IP header of each frame, -1 where there is none; shape (n,). Most frames are Ethernet
    directly around IP and need no `walk_link_headers`."""
    _cooked_direction(frames)
    begin, end = frames.start, frames.start + frames.captured
    head = bytes_at(frames.data, begin, 15)
    version, kind = head[:, 14] >> 4, big16(head, 12)
    plain = (frames.link == ETHERNET) & ((kind == 0x0800) | (kind == 0x86DD))
    plain &= ((version == 4) | (version == 6)) & (begin + 14 <= end)
    out, rest = begin + 14, np.flatnonzero(~plain)
    if len(rest):
        out[rest] = walk_link_headers(frames.data, begin[rest], frames.link[rest], end[rest], unread)
    return out


def walk_link_headers(data: Bytes, at: Ints, kind: Ints, end: Ints, unread: Unread | None) -> Ints:
    """Return the offset of the IP header behind the headers that begin at `at`, each of its `kind`; -1 where there is
    none, which is counted in `unread`."""
    at, kind = at.copy(), kind.copy()
    counts = Unread() if unread is None else unread
    for _ in range(MAX_LINK_HEADERS):
        number = _NUMBER[kind]
        present = np.flatnonzero(np.bincount(number, minlength=len(_CARRIERS)))
        if not len(present) or present[0] >= len(_CARRIERS):
            break
        for place in present[present < len(_CARRIERS)].tolist():
            rows = np.flatnonzero(number == place)
            link, carrier = _CARRIERS[place]
            at[rows], kind[rows] = carrier(data, at[rows])
            counts.note(f"{_link_name(link)} unreadable", int(np.sum(kind[rows] == UNREADABLE)))
        kind[at > end] = CUT
    return np.where(_at_ip(kind, counts), at, np.int64(-1))


def _at_ip(kind: Ints, unread: Unread) -> Bools:
    """Return which frames are at IP; the others are counted by what they are instead."""
    fine: Bools = kind == IP
    for other, times in zip(*np.unique(kind[~fine], return_counts=True), strict=True):
        if other != UNREADABLE:
            unread.note(_link_name(int(other)), int(times))
    return fine


def _cooked_direction(frames: Frames) -> None:
    """Set the heading of Linux cooked frames from their packet type, sent by the host (4) or received (0 to 2), and of
    Apple's PKTAP frames from their flags, received (1) or sent (2)."""
    for link, place, sent, received in (
        (113, 1, 4, (0, 1, 2)),
        (276, 10, 4, (0, 1, 2)),
        (149, 36, 2, 1),
        (258, 36, 2, 1),
    ):
        rows = np.flatnonzero(frames.link == link)
        if len(rows):
            kind = bytes_at(frames.data, frames.start[rows], 37)[:, place]
            frames.heading[rows] = np.where(kind == sent, 1, np.where(np.isin(kind, received), 0, -1))


def _link_name(kind: int) -> str:
    if kind >= IP:
        names = {LLC: "LLC", ERSPAN: "ERSPAN", ERSPAN_3: "ERSPAN", CUT: "frame shorter than its headers"}
        return names.get(kind, "unreadable")
    if kind >= PPP_PROTOCOL:
        return f"not IP: PPP protocol 0x{kind - PPP_PROTOCOL:04x}"
    return f"not IP: ethertype 0x{kind - ETHERTYPE:04x}" if kind >= ETHERTYPE else f"link type {kind}"
