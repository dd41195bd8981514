"""Finds the IP packet inside a tunnel, so that calls inside tunnels are found too.

By protocol number: IP in IP (RFC 2003, 4213, 2473), GRE (RFC 2784, 2890; version 1 of PPTP, RFC 2637) with anything
that a link may carry, ERSPAN (draft-foschiano-erspan), MPLS in IP (RFC 4023), EtherIP (RFC 3378), L2TPv3 (RFC 3931).
Over UDP, recognised by their form on any port: GTP-U (3GPP TS 29.281), VXLAN (RFC 7348) and VXLAN-GPE, GENEVE (RFC
8926), L2TP (RFC 2661, 3931), Teredo (RFC 4380) and plain IP in UDP, TZSP, CAPWAP's data (RFC 5415).
"""

from __future__ import annotations

import numpy as np

from talkpath.wire.pcap.arrays import Bools, Bytes, Ints, big16, big32, bytes_at, marks_of
from talkpath.wire.pcap.frames import Frames, Unread
from talkpath.wire.pcap.link import ERSPAN, ERSPAN_3, ETHERNET, ETHERTYPE, PPP, RAW, WIRELESS, walk_link_headers
from talkpath.wire.rtc.stun import MAGIC_COOKIE

IP4_IN_IP, IP6_IN_IP, GRE, MPLS_IN_IP, ETHER_IP, L2TP_3 = 4, 41, 47, 137, 97, 115
MPLS = ETHERTYPE + 0x8847
BY_NUMBER = (IP4_IN_IP, IP6_IN_IP, GRE, MPLS_IN_IP, ETHER_IP, L2TP_3)
MIN_TUNNEL_BYTES = 8 + 4 + 20
"""A UDP header, the smallest tunnel header, an IP header."""
COOKIES = (4, 8, 12, 16)
"""Possible lengths of L2TPv3's header: session id, a cookie of 0, 4 or 8 bytes, and maybe a sequencing word."""

Inside = tuple[Ints, Ints, Ints]
"""Rows that may be such a tunnel, how many bytes to skip there, and the kind of the next header."""


def by_number(frames: Frames, rows: Ints, at: Ints, protocol: Ints, inner: Ints, unread: Unread) -> None:
    """Write into `inner` where the IP header inside begins, for packets (of frames `rows`, IP payload at `at`) whose
    protocol number is that of a tunnel."""
    kind = np.full(len(rows), -1, np.int64)
    begin = at.copy()
    kind[(protocol == IP4_IN_IP) | (protocol == IP6_IN_IP)] = RAW
    kind[protocol == MPLS_IN_IP] = MPLS
    kind[protocol == ETHER_IP] = ETHERNET
    begin[protocol == ETHER_IP] += 2
    wrapped = np.flatnonzero(protocol == GRE)
    begin[wrapped], kind[wrapped] = _gre(frames.data, at[wrapped])
    there = np.flatnonzero(kind >= 0)
    end = frames.start[rows[there]] + frames.captured[rows[there]]
    inner[rows[there]] = walk_link_headers(frames.data, begin[there], kind[there], end, unread)
    for ahead in COOKIES:
        left = np.flatnonzero((protocol == L2TP_3) & (inner[rows] < 0))
        if len(left):
            where = at[left] + ahead
            ends = frames.start[rows[left]] + frames.size[rows[left]]
            found = _checked_offsets(frames, rows[left], where, np.full(len(left), ETHERNET), ends)
            inner[rows[left]] = found


def _gre(data: Bytes, at: Ints) -> tuple[Ints, Ints]:
    head = bytes_at(data, at, 4)
    flags, kind = head[:, 0].astype(np.int64), big16(head, 2)
    version = head[:, 1] & 7
    words = (flags >> 7) + (flags >> 5 & 1) + (flags >> 4 & 1) + ((version == 1) & (head[:, 1] >> 7 == 1))
    inside = np.where((version == 0) & (kind >= 1536), kind + ETHERTYPE, -1)
    inside[(version == 1) & (kind == 0x880B)] = PPP
    mirrored = (kind == 0x88BE) & (version == 0)
    inside[mirrored] = np.where(flags[mirrored] & 0x10, ERSPAN, ETHERNET)
    inside[(kind == 0x22EB) & (version == 0)] = ERSPAN_3
    return at + 4 + 4 * words, inside


def over_udp(frames: Frames, rows: Ints, at: Ints, end: Ints, inner: Ints) -> Bools:
    """Do the same for UDP packets whose header begins at `at` and whose data ends at `end` on the wire; return which of
    them are tunnels. A packet counts as a tunnel only if it contains a whole IP packet of fitting length."""
    carrying = np.zeros(len(rows), np.bool_)
    first = frames.data[np.minimum(at + 8, len(frames.data) - 1)]
    some = np.flatnonzero(MAY_OPEN_TUNNEL[first])
    head, first, size = bytes_at(frames.data, at[some] + 8, 8), first[some], end[some] - at[some] - 8
    plain = ((first >> 4 == 4) & (big16(head, 2) == size)) | ((first >> 4 == 6) & (big16(head, 4) + 40 == size))
    fits = (POSSIBLE[first] | plain) & (size + 8 >= MIN_TUNNEL_BYTES) & (big32(head, 4) != MAGIC_COOKIE)
    some = some[fits]
    frame = rows[some]
    some = some[at[some] + MIN_TUNNEL_BYTES <= frames.start[frame] + frames.captured[frame]]
    if not len(some):
        return carrying
    data, begin, size = frames.data, at[some] + 8, end[some] - at[some] - 8
    for which, skip, kind in _forms(data, begin, size, bytes_at(data, begin, 20)):
        which, skip, kind = (one[~carrying[some[which]]] for one in (which, skip, kind))
        if len(which):
            found = _checked_offsets(frames, rows[some[which]], begin[which] + skip, kind, end[some[which]])
            fits = found >= 0
            inner[rows[some[which[fits]]]] = found[fits]
            carrying[some[which[fits]]] = True
    return carrying


def _checked_offsets(frames: Frames, rows: Ints, at: Ints, kind: Ints, end: Ints) -> Ints:
    """Return where the IP header behind these carriers begins, -1 if no IP packet there fits: its length must be the
    same, or a little shorter behind a link header (frames are padded)."""
    limit = frames.start[rows] + frames.captured[rows]
    found = walk_link_headers(frames.data, at, kind, limit, None)
    head = bytes_at(frames.data, np.maximum(found, 0), 20)
    four, six = head[:, 0] >> 4 == 4, head[:, 0] >> 4 == 6
    size = np.where(four, big16(head, 2), big16(head, 4) + 40)
    sound = np.where(four, (head[:, 0] & 15 >= 5) & _has_valid_checksum(head), six & IS_INNER_PROTOCOL[head[:, 6]])
    room = end - found
    fits = (size == room) | ((size < room) & (size + 60 > room) & (kind != RAW))
    return np.where((found >= 0) & sound & fits, found, np.int64(-1))


def _has_valid_checksum(head: Bytes) -> Bools:
    """Whether the checksum of an IPv4 header is valid (or 0, or includes options that are not looked at)."""
    words = head.view(">u2").astype(np.int64).sum(axis=1)
    folded = (words & 0xFFFF) + (words >> 16)
    right: Bools = ((folded & 0xFFFF) + (folded >> 16) == 0xFFFF) | (big16(head, 10) == 0) | (head[:, 0] & 15 > 5)
    return right & IS_INNER_PROTOCOL[head[:, 9]]


IS_INNER_PROTOCOL = marks_of(6, 17, 43, 44, 51, 60, *BY_NUMBER)
"""Protocol numbers that an inner packet may have: UDP, TCP, and those of headers before them."""
POSSIBLE = marks_of(*range(0x14), *range(0x30, 0x38), 0x40, 0x42, 0x48, 0x4A)
"""First bytes of all tunnel headers. DTLS and most of QUIC begin with others."""
MAY_OPEN_TUNNEL = POSSIBLE | marks_of(*range(0x40, 0x50), *range(0x60, 0x70))
"""These, and those of an IP packet without a header before it."""


def _forms(data: Bytes, at: Ints, size: Ints, head: Bytes) -> list[Inside]:
    """Return the candidates of each tunnel protocol, the strictest match first."""
    first, second, kind, version = head[:, 0], head[:, 1], big16(head, 2), head[:, 0] >> 4
    raw, ethernet = np.full(len(head), RAW), np.full(len(head), ETHERNET)
    vxlan = (big32(head, 0) == 0x08000000) & (head[:, 7] == 0)
    generic = (first == 0x0C) & (kind >> 8 == 0) & (head[:, 3] >= 1) & (head[:, 3] <= 3) & (head[:, 7] == 0)
    geneve = (first < 0x40) & (second & 0x3F == 0) & np.isin(kind, (0x6558, 0x0800, 0x86DD)) & (head[:, 7] == 0)
    teredo = (kind >> 8 == 0) & (first == 0) & (second == 0) & (head[:, 8] >> 4 == 6)
    capwap = (first == 0) & (second >> 3 >= 2) & (head[:, 3] & 0x80 == 0)
    return [
        _gtp(head, size),
        _fixed(vxlan, 8, ethernet),
        _fixed(generic, 8, np.where(head[:, 3] == 3, ETHERNET, RAW)),
        _fixed(geneve, 8 + 4 * (first & 0x3F).astype(np.int64), kind + ETHERTYPE),
        _fixed((version == 4) | (version == 6), 0, raw),
        _fixed(teredo, 8, raw),
        *_l2tp(head, size),
        _tzsp(data, at, head),
        _fixed(capwap, 4 * (second >> 3).astype(np.int64), np.where(head[:, 2] & 1, WIRELESS, ETHERNET)),
    ]


def _fixed(which: Bools, skip: Ints | int, kind: Ints) -> Inside:
    rows = np.flatnonzero(which)
    return rows, np.full(len(rows), skip, np.int64) if isinstance(skip, int) else skip[rows], kind[rows]


def _gtp(head: Bytes, size: Ints) -> Inside:
    """Match message 255, a user's packet."""
    extended = (head[:, 0] & 7) != 0
    length = 8 + 4 * extended.astype(np.int64)
    more = extended & ((head[:, 0] & 4) != 0) & (head[:, 11] != 0)
    length += np.where(more, 4 * head[:, 12].astype(np.int64), 0)
    carries = (head[:, 0] >> 3 == 6) & (head[:, 1] == 255) & (big16(head, 2) + 8 == size)
    return _fixed(carries, length, np.full(len(head), RAW))


def _l2tp(head: Bytes, size: Ints) -> list[Inside]:
    """Match data messages of version 2 (PPP) and of version 3 (Ethernet)."""
    flags = head[:, 0].astype(np.int64)
    sized = flags >> 6 & 1
    length = 6 + 2 * sized + 4 * (flags >> 3 & 1)
    two = (flags & 0xB4 == 0) & (head[:, 1] == 2) & ((sized == 0) | (big16(head, 2) == size))
    offset = np.where(
        flags & 2, 2 + big16(np.take_along_axis(head, np.stack([length, length + 1], axis=1), axis=1), 0), 0
    )
    three = (flags == 0) & (head[:, 1] == 3) & (big16(head, 2) == 0)
    ethernet = np.full(len(head), ETHERNET)
    return [
        _fixed(two & (offset <= 64), length + offset, np.full(len(head), PPP)),
        *(_fixed(three, 4 + ahead, ethernet) for ahead in COOKIES),
    ]


def _tzsp(data: Bytes, at: Ints, head: Bytes) -> Inside:
    """Match version 1: a received packet, its link, tags up to an end tag."""
    inside = big16(head, 2)
    rows = np.flatnonzero((head[:, 0] == 1) & (head[:, 1] <= 1) & ((inside == 1) | (inside == 0x12)))
    place, done = at[rows] + 4, np.zeros(len(rows), np.bool_)
    for _ in range(16):
        tag = bytes_at(data, place, 2)
        step = np.where(tag[:, 0] <= 1, 1, 2 + tag[:, 1].astype(np.int64))
        place = np.where(done, place, place + step)
        done |= tag[:, 0] == 1
    rows, place = rows[done], place[done]
    return rows, place - at[rows], np.where(inside[rows] == 1, ETHERNET, WIRELESS)
