"""Reads the IPv4, IPv6, UDP and TCP headers of a block of frames into arrays.

Sources: RFC 791, 8200 (extension headers), 4302 (AH), 768, 9293. Tunnels are entered (`tunnels`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from talkpath.wire.pcap.arrays import (
    Bools,
    Bytes,
    Ints,
    Words,
    big16,
    big32,
    big64,
    bytes_at,
    distinct_values,
    marks_of,
)
from talkpath.wire.pcap.fragments import Fragment, Fragments
from talkpath.wire.pcap.frames import Frames, Unread
from talkpath.wire.pcap.link import ip_header_offsets
from talkpath.wire.pcap.tunnels import BY_NUMBER, by_number, over_udp

TCP, UDP = 6, 17
LONGEST_PAYLOAD = {UDP: 65535, TCP: 1 << 20}
"""A longer packet has a damaged length. TCP senders pass up to half of this to their network card at once."""
FRAGMENT = 44
EXTENSIONS = (0, 43, 60, 135, 139, 140)
AUTHENTICATION = 51
SKIPPED = marks_of(*EXTENSIONS, AUTHENTICATION, FRAGMENT)
OTHER_PROTOCOL, OTHER_NAMES = "neither UDP nor TCP: {}", {1: "ICMP", 2: "IGMP", 58: "ICMPv6", 50: "ESP", 132: "SCTP"}
UNDERSTOOD = marks_of(TCP, UDP, *BY_NUMBER)
IS_TUNNEL_PROTOCOL = marks_of(*BY_NUMBER)
"""By protocol number."""
MAX_TUNNEL_DEPTH = 8
TRAVELLED = np.array([64] * 65 + [128] * 64 + [255] * 127) - np.arange(256)
"""Hops that were passed, by those that are left: senders begin at 64, 128 or 255."""
MAPPED_PREFIX_WORD = np.uint64(0xFFFF << 32)


@dataclass(slots=True)
class Packets:
    """UDP and TCP packets; all arrays have shape (n,), except `data`, the block that contains the packets.

    An address is two 64-bit numbers, IPv4 as ::ffff:a.b.c.d. `payload` is the offset of the transport's payload,
    `size` its length on the wire, `captured` its captured length. `hops` is how many routers it passed, if its sender
    counts down from 64, 128 or 255. `frame` is the number of the frame in the block.
    """

    data: Bytes
    frame: Ints
    time_ns: Ints
    link_direction: NDArray[np.int8]
    protocol: NDArray[np.uint8]
    source_high: Words
    source_low: Words
    target_high: Words
    target_low: Words
    source_port: Ints
    target_port: Ints
    payload: Ints
    size: Ints
    captured: Ints
    hops: Ints
    sequence: Ints
    flags: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.frame)

    def where(self, rows: Ints | Bools) -> Packets:
        """Return some of the packets."""
        columns = {one.name: getattr(self, one.name)[rows] for one in fields(self)[1:]}
        return Packets(self.data, **columns)


@dataclass(slots=True)
class _Headers:
    """IP headers: protocol, payload, source and destination, and the hops that are `left` to each. `end` is where the
    IP packet ends on the wire, `limit` where the captured frame ends."""

    rows: Ints
    at: Ints
    end: Ints
    limit: Ints
    protocol: Ints
    addresses: tuple[Words, Words, Words, Words]
    fragment: Bools
    left: Ints

    def where(self, chosen: Bools) -> _Headers:
        """Return some of the headers."""
        keep = np.flatnonzero(chosen)
        high, low, to_high, to_low = (one[keep] for one in self.addresses)
        fixed = (self.rows[keep], self.at[keep], self.end[keep], self.limit[keep], self.protocol[keep])
        return _Headers(*fixed, (high, low, to_high, to_low), self.fragment[keep], self.left[keep])


def transport_packets(frames: Frames, unread: Unread, fragments: Fragments) -> Iterator[Packets]:
    """Yield the UDP and TCP packets of these frames; packets reassembled from fragments come last, in a `Packets` of
    their own."""
    yield from _read_layer(frames, ip_header_offsets(frames, unread), unread, fragments)
    whole = fragments.frames()
    if whole is not None:
        yield from _read_layer(whole, whole.start, unread, fragments)


def _read_layer(frames: Frames, at: Ints, unread: Unread, fragments: Fragments) -> Iterator[Packets]:
    for _ in range(MAX_TUNNEL_DEPTH):
        rows = np.flatnonzero(at >= 0)
        if not len(rows):
            return
        version = frames.data[at[rows]] >> 4
        inner = np.full(len(at), -1, np.int64)
        headers = _join_packets(
            _ip4(frames, rows[version == 4], at, unread), _ip6(frames, rows[version == 6], at, unread)
        )
        if len(headers.rows):
            _collect_fragments(frames, headers, at, fragments)
            headers = headers.where(~headers.fragment) if headers.fragment.any() else headers
            carrying = _note_tunnels(frames, headers, inner, unread)
            yield from _packets(frames, headers, carrying, unread)
        at = inner
    unread.note("tunnel too deep", int(np.sum(at >= 0)))


def _join_packets(one: _Headers, other: _Headers) -> _Headers:
    """Join both, in the order of their frames."""
    if not len(other.rows) or not len(one.rows):
        return one if len(one.rows) else other
    order = np.argsort(np.concatenate([one.rows, other.rows]), kind="stable")
    first, second = (
        (part.rows, part.at, part.end, part.limit, part.protocol, *part.addresses, part.fragment, part.left)
        for part in (one, other)
    )
    columns = [np.concatenate(pair)[order] for pair in zip(first, second, strict=True)]
    rows, at, end, limit, protocol, high, low, to_high, to_low, fragment, left = columns
    return _Headers(rows, at, end, limit, protocol, (high, low, to_high, to_low), fragment, left)


def _ip4(frames: Frames, rows: Ints, at: Ints, unread: Unread) -> _Headers:
    begin = at[rows]
    head = bytes_at(frames.data, begin, 20)
    length = (head[:, 0] & 15).astype(np.int64) * 4
    total = big16(head, 2)
    limit = frames.start[rows] + frames.captured[rows]
    end, untold = begin + total, np.flatnonzero(total == 0)
    end[untold] = (frames.start + frames.size)[rows[untold]]
    payload = begin + length
    sound = (head[:, 0] >> 4 == 4) & (length >= 20) & (payload <= np.minimum(end, limit))
    unread.note("IPv4 header damaged or cut", int(np.sum(~sound)))
    zero = np.zeros(len(rows), np.uint64)
    source, target = (big32(head, place).astype(np.uint64) | MAPPED_PREFIX_WORD for place in (12, 16))
    fragment = (big16(head, 6) & 0x3FFF) != 0
    protocol, left = head[:, 9].astype(np.int64), head[:, 8].astype(np.int64)
    every = _Headers(rows, payload, end, limit, protocol, (zero, source, zero, target), fragment, left)
    return every if sound.all() else every.where(sound)


def _ip6(frames: Frames, rows: Ints, at: Ints, unread: Unread) -> _Headers:
    begin = at[rows]
    head = bytes_at(frames.data, begin, 40)
    length = big16(head, 4)
    wire_end = frames.start[rows] + frames.size[rows]
    end = np.where(length == 0, wire_end, begin + 40 + length)
    limit = frames.start[rows] + frames.captured[rows]
    sound = begin + 40 <= limit
    unread.note("IPv6 header damaged or cut", int(np.sum(~sound)))
    addresses = (big64(head, 8), big64(head, 16), big64(head, 24), big64(head, 32))
    fixed = (head[:, 6].astype(np.int64), addresses, np.zeros(len(rows), np.bool_), head[:, 7].astype(np.int64))
    headers = _Headers(rows, begin + 40, end, limit, *fixed).where(sound)
    _skip_extensions(frames.data, headers)
    return headers


def _skip_extensions(data: Bytes, headers: _Headers) -> None:
    for _ in range(MAX_TUNNEL_DEPTH):
        known = SKIPPED[headers.protocol] & ~headers.fragment
        rows = np.flatnonzero(known & (headers.at < headers.end))
        if not len(rows):
            return
        head, kind = bytes_at(data, headers.at[rows], 8), headers.protocol[rows]
        is_fragment = (kind == FRAGMENT) & ((big16(head, 2) & 0xFFF9) != 0)
        headers.fragment[rows] = is_fragment
        units = head[:, 1].astype(np.int64)
        length = np.where(kind == AUTHENTICATION, (units + 2) * 4, (units + 1) * 8)
        length = np.where(kind == FRAGMENT, 8, length)
        headers.at[rows] += np.where(is_fragment, 0, length)
        headers.protocol[rows] = np.where(is_fragment, kind, head[:, 0])


def _collect_fragments(frames: Frames, headers: _Headers, at: Ints, fragments: Fragments) -> None:
    rows = np.flatnonzero(headers.fragment)
    if not len(rows):
        return
    which, addresses = headers.rows[rows], [one[rows].tolist() for one in headers.addresses]
    begin, payload = at[which], headers.at[rows]
    end, captured_end = headers.end[rows], headers.limit[rows]
    number, offset, more, payload = _fragment_pieces(frames.data, begin, payload)
    columns = (begin, payload, np.minimum(end, captured_end), end, offset, more)
    moments = (frames.time_ns[which], frames.link_direction[which])
    keys = zip(number.tolist(), *addresses, strict=True)
    places = zip(*(column.tolist() for column in (*columns, *moments)), strict=True)
    for key, place in zip(keys, places, strict=True):
        fragments.add(frames.data.data, Fragment(key, *place))


def _fragment_pieces(data: Bytes, begin: Ints, payload: Ints) -> tuple[Ints, Ints, Bools, Ints]:
    """Return the key of the packet of each fragment beside its addresses (protocol and identification), the offset of
    each piece, whether more follow, and where it begins."""
    four = data[begin] >> 4 == 4
    head, extension = bytes_at(data, begin, 20), bytes_at(data, payload, 8)
    word = np.where(four, big16(head, 6), big16(extension, 2))
    number = np.where(four, big16(head, 4), big32(extension, 4))
    protocol = np.where(four, head[:, 9], extension[:, 0]).astype(np.int64)
    offset = np.where(four, (word & 0x1FFF) * 8, word & 0xFFF8)
    more = np.where(four, word & 0x2000, word & 1) != 0
    return number << 9 | protocol << 1 | four, offset, more, np.where(four, payload, payload + 8)


def _note_tunnels(frames: Frames, headers: _Headers, inner: Ints, unread: Unread) -> Bools:
    """Note where the IP header inside a tunnel begins; return which packets are UDP tunnels."""
    rows = np.flatnonzero(IS_TUNNEL_PROTOCOL[headers.protocol])
    if len(rows):
        by_number(frames, headers.rows[rows], headers.at[rows], headers.protocol[rows], inner, unread)
    carrying = np.zeros(len(headers.rows), np.bool_)
    rows = np.flatnonzero(headers.protocol == UDP)
    carrying[rows] = over_udp(frames, headers.rows[rows], headers.at[rows], headers.end[rows], inner)
    return carrying


def _packets(frames: Frames, headers: _Headers, carrying: Bools, unread: Unread) -> Iterator[Packets]:
    """Yield the packets that are no UDP tunnels."""
    other = ~UNDERSTOOD[headers.protocol]
    for protocol in distinct_values(headers.protocol[other]).tolist():
        unread.note(
            OTHER_PROTOCOL.format(OTHER_NAMES.get(protocol, f"IP protocol {protocol}")),
            int(np.sum(headers.protocol == protocol)),
        )
    for protocol in (UDP, TCP):
        rows = (headers.protocol == protocol) & ~carrying
        if rows.any():
            found = _transport(frames, headers.where(rows), protocol, unread)
            if len(found):
                yield found


def _transport(frames: Frames, headers: _Headers, protocol: int, unread: Unread) -> Packets:
    head = bytes_at(frames.data, headers.at, 20)
    limit = headers.limit
    if protocol == UDP:
        length = np.full(len(headers.rows), 8, np.int64)
        claimed = big16(head, 4)
        end = np.where(claimed >= 8, np.minimum(headers.at + claimed, headers.end), headers.end)
    else:
        length = (head[:, 12] >> 4).astype(np.int64) * 4
        end = headers.end
    payload = headers.at + length
    end = np.minimum(end, payload + LONGEST_PAYLOAD[protocol])
    captured_end = np.minimum(end, limit)
    sound = (payload <= captured_end) & (length >= 8)
    unread.note(f"{'UDP' if protocol == UDP else 'TCP'} header damaged or cut", int(np.sum(~sound)))
    captured = captured_end - payload
    unread.note("packets cut by the snapshot length", int(np.sum(sound & (captured_end < end))))
    high, low, to_high, to_low = headers.addresses
    every = Packets(
        data=frames.data,
        frame=headers.rows,
        time_ns=frames.time_ns[headers.rows],
        link_direction=frames.link_direction[headers.rows],
        protocol=np.full(len(headers.rows), protocol, np.uint8),
        source_high=high,
        source_low=low,
        target_high=to_high,
        target_low=to_low,
        source_port=big16(head, 0),
        target_port=big16(head, 2),
        payload=payload,
        size=end - payload,
        captured=captured,
        hops=TRAVELLED[headers.left],
        sequence=big32(head, 4),
        flags=head[:, 13].copy(),
    )
    return every if sound.all() else every.where(sound)
