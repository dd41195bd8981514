"""Finds the IP header in frames of every link type that carries calls.

It reads one header after the other (`link_headers`) until it reaches IP; frames without IP are counted.

Reads the headers between the frame and IP, with one function for each kind of header.

A function takes the offsets of its headers and returns the offsets behind them and the kind of the next header: a link
type, an ethertype, a PPP protocol or one of the numbers below.
Sources: tcpdump.org/linktypes, IEEE 802.1Q and 802.1ad, RFC 2516 (PPPoE), RFC 1661 and 1662 (PPP), RFC 3032 (MPLS),
RFC 1990 (PPP multilink), IEEE 802.11, radiotap.org, CACE PPI, RFC 2784 (GRE), draft-foschiano-erspan.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from talkpath.wire.pcap.arrays import Bools, Bytes, Ints, big16, big32, bytes_at
from talkpath.wire.pcap.frames import Frames, Unread

ETHERTYPE, PPP_PROTOCOL = 1 << 16, 1 << 17
"""Added to a number so that it cannot be taken for a link type."""

IP, LLC, AGGREGATE, ERSPAN, ERSPAN_3, UNREADABLE, CUT = range(1 << 20, (1 << 20) + 7)
ETHERNET, PPP, RAW, WIRELESS = 1, 9, 101, 105

ReadHeader = Callable[[Bytes, Ints], tuple[Ints, Ints]]


def _at_ethertype(data: Bytes, at: Ints) -> tuple[Ints, Ints]:
    """Read the two bytes at `at`: an ethertype, or below 1536 the length of an LLC frame."""
    kind = big16(bytes_at(data, at, 2), 0)
    return at + 2, np.where(kind < 1536, LLC, kind + ETHERTYPE)


def _sll2(data: Bytes, at: Ints) -> tuple[Ints, Ints]:
    return at + 20, _at_ethertype(data, at)[1]


def _llc(data: Bytes, at: Ints) -> tuple[Ints, Ints]:
    """Read LLC with SNAP; some drivers insert up to four bytes before it."""
    at = at + 2 * (big16(bytes_at(data, at + 2, 2), 0) == 0xAAAA)
    head = bytes_at(data, at, 8)
    snap = (head[:, 0] == 0xAA) & (head[:, 1] == 0xAA) & (head[:, 2] == 3)
    kind = big16(head, 6)
    return at + 8, np.where(snap & (kind >= 1536), kind + ETHERTYPE, UNREADABLE)


def _raw(data: Bytes, at: Ints) -> tuple[Ints, Ints]:
    version = bytes_at(data, at, 1)[:, 0] >> 4
    return at, np.where((version == 4) | (version == 6), IP, UNREADABLE)


def _ppp(data: Bytes, at: Ints) -> tuple[Ints, Ints]:
    head = bytes_at(data, at, 5)
    framed = (head[:, 0] == 0xFF) & (head[:, 1] == 3)
    at = at + 2 * framed
    head = bytes_at(data, at, 2)
    short = head[:, 0] & 1
    kind = np.where(short, head[:, 0], big16(head, 0))
    return at + np.where(short, 1, 2), kind + PPP_PROTOCOL


def _multilink(data: Bytes, at: Ints) -> tuple[Ints, Ints]:
    """Read a packet that is one fragment: four bytes with a long number, or two with a short one, then PPP."""
    head = bytes_at(data, at, 5)
    short = np.isin(head[:, 2], (0x21, 0x57)) | ((head[:, 2] == 0) & np.isin(head[:, 3], (0x21, 0x57)))
    after, kind = _ppp(data, at + np.where(short, 2, 4))
    return after, np.where(head[:, 0] & 0xC0 == 0xC0, kind, UNREADABLE)


def _pppoe(data: Bytes, at: Ints) -> tuple[Ints, Ints]:
    """Read a session packet: six bytes, then PPP."""
    head = bytes_at(data, at, 2)
    fine = (head[:, 0] == 0x11) & (head[:, 1] == 0)
    after, kind = _ppp(data, at + 6)
    return after, np.where(fine, kind, UNREADABLE)


def _mpls(data: Bytes, at: Ints) -> tuple[Ints, Ints]:
    """Read one label; behind the last comes IP, or Ethernet behind a zero control word."""
    label = bytes_at(data, at, 8)
    last = (label[:, 2] & 1).astype(np.bool_)
    version = label[:, 4] >> 4
    inner = np.where((version == 4) | (version == 6), IP, UNREADABLE)
    word = version == 0
    inner = np.where(word, 1, inner)
    return at + 4 + 4 * (last & word), np.where(last, inner, ETHERTYPE + 0x8847)


def _radiotap(data: Bytes, at: Ints) -> tuple[Ints, Ints]:
    head = bytes_at(data, at, 4)
    return at + _little16(head, 2), np.full(len(at), 105, np.int64)


def _ppi(data: Bytes, at: Ints) -> tuple[Ints, Ints]:
    head = bytes_at(data, at, 8)
    inner = np.ascontiguousarray(head[:, 4:8]).view("<u4").ravel().astype(np.int64)
    return at + _little16(head, 2), np.where(inner == 192, UNREADABLE, np.minimum(inner, ETHERTYPE - 1))


def _pktap(data: Bytes, at: Ints) -> tuple[Ints, Ints]:
    head = np.ascontiguousarray(bytes_at(data, at, 12)).view("<u4").astype(np.int64)
    return at + head[:, 0], np.where(head[:, 0] >= 12, np.minimum(head[:, 2], ETHERTYPE - 1), UNREADABLE)


def _prism(data: Bytes, at: Ints) -> tuple[Ints, Ints]:
    head = bytes_at(data, at, 8)
    length = np.minimum(big32(head, 4), np.ascontiguousarray(head[:, 4:8]).view("<u4").ravel())
    return at + length, np.full(len(at), 105, np.int64)


def _wireless(data: Bytes, at: Ints) -> tuple[Ints, Ints]:
    """Read 802.11 data frames that are not encrypted; nothing in other frames can be read."""
    head = bytes_at(data, at, 2)
    is_data = ((head[:, 0] & 0x0C) == 0x08) & ((head[:, 0] & 0x43) != 0x43)
    carries = is_data & ((head[:, 0] & 0x40) == 0) & ((head[:, 1] & 0x40) == 0)
    length = 24 + 6 * ((head[:, 1] & 3) == 3)
    quality = (head[:, 0] & 0x80) != 0
    several = quality & (bytes_at(data, at + length, 1)[:, 0] & 0x80 != 0)
    length = length + 2 * quality + 4 * (quality & ((head[:, 1] & 0x80) != 0))
    return at + length, np.where(carries, np.where(several, AGGREGATE, LLC), UNREADABLE)


def _aggregate(data: Bytes, at: Ints) -> tuple[Ints, Ints]:
    """Read the first frame of an A-MSDU: two addresses and a length, then LLC."""
    return at + 14, np.full(len(at), LLC, np.int64)


def _erspan(data: Bytes, at: Ints) -> tuple[Ints, Ints]:
    return at + 8, np.full(len(at), ETHERNET, np.int64)


def _erspan_3(data: Bytes, at: Ints) -> tuple[Ints, Ints]:
    more = bytes_at(data, at, 12)[:, 11] & 1
    return at + 12 + 8 * more.astype(np.int64), np.full(len(at), ETHERNET, np.int64)


def _firewall(data: Bytes, at: Ints) -> tuple[Ints, Ints]:
    """Read BSD's pflog header: its length comes first, padded to four bytes."""
    length = bytes_at(data, at, 1)[:, 0].astype(np.int64)
    return _raw(data, at + length + (-length & 3))


def _netfilter(data: Bytes, at: Ints) -> tuple[Ints, Ints]:
    """Read Linux's nflog header: four bytes, then attributes in the host's byte order; number 9 is the packet."""
    place, found = at + 4, np.full(len(at), -1, np.int64)
    for _ in range(16):
        head = bytes_at(data, place, 4)
        length = np.maximum(_little16(head, 0), 4)
        here = (_little16(head, 2) == 9) & (found < 0)
        found[here] = place[here] + 4
        place = np.where(found < 0, np.minimum(place + length + (-length & 3), len(data)), place)
    return np.where(found < 0, at, found), np.where(found < 0, UNREADABLE, ETHERTYPE + 0x0800)


def _behind(size: int, read: ReadHeader) -> ReadHeader:
    """The header that follows so many bytes of another, which tell nothing."""
    return lambda data, at: read(data, at + size)


def _little16(rows: Bytes, at: int) -> Ints:
    return rows[:, at + 1].astype(np.int64) << 8 | rows[:, at]


_ethernet, _vlan = _behind(12, _at_ethertype), _behind(2, _at_ethertype)
_null = _behind(4, _raw)
"""A protocol family of the host in its own byte order (2, or 10, 24, 28, 30); the version nibble shows it as well."""

CARRIERS: dict[int, ReadHeader] = {
    0: _null,
    1: _ethernet,
    9: _ppp,
    12: _raw,
    14: _raw,
    50: _ppp,
    51: _pppoe,
    100: _llc,
    101: _raw,
    104: _behind(2, _at_ethertype),  # Cisco's HDLC
    105: _wireless,
    108: _null,
    109: _behind(12, _raw),  # OpenBSD's enc: family, SPI, flags
    113: _behind(14, _at_ethertype),  # Linux cooked
    117: _firewall,
    119: _prism,
    127: _radiotap,
    149: _pktap,
    163: _prism,
    192: _ppi,
    204: _behind(1, _ppp),  # one byte for the direction
    228: _raw,
    229: _raw,
    239: _netfilter,
    258: _pktap,
    276: _sll2,
    LLC: _llc,
    AGGREGATE: _aggregate,
    ERSPAN: _erspan,
    ERSPAN_3: _erspan_3,
    ETHERTYPE + 0x0800: _raw,
    ETHERTYPE + 0x86DD: _raw,
    ETHERTYPE + 0x6558: _ethernet,
    ETHERTYPE + 0x8100: _vlan,
    ETHERTYPE + 0x88A8: _vlan,
    ETHERTYPE + 0x9100: _vlan,
    ETHERTYPE + 0x9200: _vlan,
    ETHERTYPE + 0x8847: _mpls,
    ETHERTYPE + 0x8848: _mpls,
    ETHERTYPE + 0x8864: _pppoe,
    ETHERTYPE + 0x880B: _ppp,
    PPP_PROTOCOL + 0x003D: _multilink,
    PPP_PROTOCOL + 0x0021: _raw,
    PPP_PROTOCOL + 0x0057: _raw,
}


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
    """Set the direction of Linux cooked frames from their packet type, sent by the host (4) or received (0 to 2), and
    of Apple's PKTAP frames from their flags, received (1) or sent (2)."""
    for link, place, sent, received in (
        (113, 1, 4, (0, 1, 2)),
        (276, 10, 4, (0, 1, 2)),
        (149, 36, 2, 1),
        (258, 36, 2, 1),
    ):
        rows = np.flatnonzero(frames.link == link)
        if len(rows):
            kind = bytes_at(frames.data, frames.start[rows], 37)[:, place]
            frames.link_direction[rows] = np.where(kind == sent, 1, np.where(np.isin(kind, received), 0, -1))


def _link_name(kind: int) -> str:
    if kind >= IP:
        names = {LLC: "LLC", ERSPAN: "ERSPAN", ERSPAN_3: "ERSPAN", CUT: "frame shorter than its headers"}
        return names.get(kind, "unreadable")
    if kind >= PPP_PROTOCOL:
        return f"not IP: PPP protocol 0x{kind - PPP_PROTOCOL:04x}"
    return f"not IP: ethertype 0x{kind - ETHERTYPE:04x}" if kind >= ETHERTYPE else f"link type {kind}"
