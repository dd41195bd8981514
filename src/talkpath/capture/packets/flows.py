"""Assigns packets to flows (5-tuples) with a direction each, and counts what each flow carried.

The key of a flow is a 64-bit mix of its two endpoints, the same for both directions. Its first packet goes from end 0
to end 1; `direction` is 0 for packets like it and 1 for the others. Which end is the local host is decided later
(`local_host`), when all flows are known.

Decides which new flows get a row of the table where a file holds very many flows.

A flood of flows of one packet each (a scan, made-up addresses) would fill the memory. So where there are CROWDED flows
already (in a stream that goes on, sooner), a new one must show PACKETS packets first; beyond MOST_FLOWS none is added.
What is left out is counted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkpath.measure.arrays import Floats
from talkpath.wire.ip.address import Address
from talkpath.wire.pcap import Packets, Unread
from talkpath.wire.pcap.arrays import Bools, Ints, Words, group_keys, is_among, joined_records, marks_of
from talkpath.wire.pcap.records import CLOSE_S

CROWDED_FLOWS, MOST_TABLE_FLOWS = 1 << 18, 1 << 19
ADMITTED_PACKETS = 3
COUNTER_SLOTS = 1 << 20
"""The number of counters, which are halved after as many packets."""


class Admission:
    """Counts the packets of flows that have no row yet. There may be `crowded` flows before one must show more."""

    def __init__(self, unread: Unread, crowded: int | None = None) -> None:
        self._unread, self.crowded = unread, CROWDED_FLOWS if crowded is None else crowded
        self._counts = np.zeros(0, np.uint8)
        self._counted = 0

    def admits(self, keys: Words, known: Bools, flows: int) -> Bools:
        """Tell which packets belong to flows that are known or may be added. There are so many `flows`."""
        out = known.copy()
        new, first, inverse, times = np.unique(keys[~known], return_index=True, return_inverse=True, return_counts=True)
        in_order = np.argsort(first)
        allowed = self._count(new, times) >= ADMITTED_PACKETS
        allowed[in_order[: max(self.crowded - flows, 0)]] = True
        allowed[in_order[np.cumsum(allowed[in_order]) > MOST_TABLE_FLOWS - flows]] = False
        out[~known] = allowed[inverse]
        self._unread.note("packet of a flow of few packets: too many flows in the file", int(np.sum(~out)))
        return out

    def _count(self, keys: Words, times: Ints) -> Ints:
        """Count so many packets of each flow; return how many each has shown."""
        if not len(self._counts):
            self._counts = np.zeros(COUNTER_SLOTS, np.uint8)
        slots, inverse = np.unique(keys & np.uint64(COUNTER_SLOTS - 1), return_inverse=True)
        counts: Ints = np.bincount(inverse, times, len(slots)).astype(np.int64)
        counts += self._counts[slots]
        self._counts[slots] = np.minimum(counts, 255)
        self._counted += int(times.sum())
        if self._counted > COUNTER_SLOTS:
            self._counts >>= 1
            self._counted = 0
        return counts[inverse]


Directions = NDArray[np.int8]

_A, _B, _C, _D = (
    np.uint64(word) for word in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)
)

FLOW_COLUMNS = np.dtype(
    [
        ("protocol", "u1"),
        ("end", "u8", 2),
        ("high", "u8", 2),
        ("low", "u8", 2),
        ("port", "i4", 2),
        ("private", "?", 2),
        ("first_s", "f8"),
        ("last_s", "f8"),
        ("began_s", "f8", 2),
        ("heard_s", "f8", 2),
        ("ended_s", "f8", 2),
        ("fed_back_s", "f8", 2),
        ("claimed_s", "f8", 2),
        ("answered_s", "f8", 2),
        ("packets", "i8", 2),
        ("bytes", "i8", 2),
        ("hops", "i8", 2),
        ("sent_hint", "i4", 2),
        ("requests", "i4", 2),
        ("answers", "i4", 2),
        ("hellos", "i4", 2),
        ("sealed", "i4", 2),
        ("reports", "i4", 2),
        ("feedback", "i4", 2),
        ("turn", "i4"),
        ("quic", "i4"),
        ("hot", "?"),
        ("turns", "i4"),
        ("turns_at_once", "i4"),
        ("other", "i4", 2),
        ("cut_off", "i4", 2),
        ("answers_s", "f8", 2),
    ],
    align=True,
)
"""The columns of a flow. `end` mixes address and port; `began_s` and `heard_s` are when the first and the last packet
of each direction came; `hops` sums up how far the packets of each end had come; `sent_hint` counts packets that the
file marks as sent by the local host; `requests` and `answers` are STUN's, `hellos` and `sealed` DTLS's, `reports`
RTCP's, `feedback` those of them about the other end's media; `ended_s`, `fed_back_s`, `claimed_s` and `answered_s` are
when each end last said good-bye, gave feedback, reported that it sends and answered a check; `answers_s` how soon it
answered one at best; `other` are packets that are none of STUN, DTLS, RTP, RTCP, QUIC, `cut_off` those of them that may
be RTP whose header was not recorded; `hot`: an app was recognised in it; `turns`: how often the
next packet of the file was the other end's of the same flow, `turns_at_once` within CLOSE_S."""


CLEAR_SHARE = 0.8
"""So large a share of a flow's direction marks must agree; some files mark all packets alike."""

PRIVATE_NETWORKS = marks_of(
    0xC0A8, 0xA9FE, *range(0x0A00, 0x0B00), *range(0xAC10, 0xAC20), *range(0x6440, 0x6480), bits=16
)
"""IPv4 networks, by the upper half of an address."""


def hash_words(value: Words) -> Words:
    """Return a 64-bit hash of each number."""
    value = (value ^ (value >> np.uint64(32))) * _D
    value = (value ^ (value >> np.uint64(29))) * _A
    return value ^ (value >> np.uint64(32))


def endpoint_hash(high: Words, low: Words, port: Ints) -> Words:
    """Return one number for each address and port."""
    return hash_words(low * _A + high * _B + port.astype(np.uint64) * _C)


class Flows:
    """All flows so far. `table` has a row for each; rows beyond `len` are spare."""

    def __init__(self, unread: Unread | None = None, crowded: int | None = None) -> None:
        self.table = np.zeros(1024, FLOW_COLUMNS)
        self._admission = Admission(Unread() if unread is None else unread, crowded)
        self._keys, self._numbers_of = np.zeros(0, np.uint64), np.zeros(0, np.int64)
        self.link_directions = np.zeros(2, np.int64)
        """How many packets the file marks as received and as sent."""

    def __len__(self) -> int:
        return len(self._keys)

    def admitted(self, packets: Packets, time_s: NDArray[np.float64]) -> tuple[Packets, NDArray[np.float64]]:
        """Return the packets whose flows have a row or may get one: all, but where there are very many flows."""
        if len(self) + len(packets) <= self._admission.crowded:
            return packets, time_s
        keys = flow_key(*packet_ends(packets))
        kept = self._admission.admits(keys, is_among(keys, self._keys), len(self))
        return packets.where(kept), time_s[kept]

    def assign(self, packets: Packets, time_s: NDArray[np.float64]) -> tuple[Ints, Directions]:
        """Return (flow, direction) of each packet; new flows are added, all packets are counted."""
        source, target = packet_ends(packets)
        groups = group_keys(flow_key(source, target))
        numbers = self._numbers(groups.keys, groups.first, packets, source, target, time_s)
        flow = numbers[groups.place]
        direction = (source != self.table["end"][flow, 0]).astype(np.int8)
        self._count(packets, groups.place, numbers, direction, time_s)
        return flow, direction

    def _numbers(
        self, keys: Words, first: Ints, packets: Packets, source: Words, target: Words, time_s: NDArray[np.float64]
    ) -> Ints:
        known = is_among(keys, self._keys)
        place, numbers = np.searchsorted(self._keys, keys), np.full(len(keys), -1, np.int64)
        numbers[known] = self._numbers_of[place[known]]
        fresh = np.flatnonzero(~known)
        fresh = fresh[np.argsort(first[fresh])]
        begin = len(self)
        numbers[fresh] = np.arange(begin, begin + len(fresh))
        self._keys = np.insert(self._keys, place[~known], keys[~known])
        self._numbers_of = np.insert(self._numbers_of, place[~known], numbers[~known])
        self._room(begin + len(fresh))
        rows, at = self.table[begin : begin + len(fresh)], first[fresh]
        rows["protocol"] = packets.protocol[at]
        for side, (end, high, low, port) in enumerate(
            (
                (source, packets.source_high, packets.source_low, packets.source_port),
                (target, packets.target_high, packets.target_low, packets.target_port),
            )
        ):
            rows["end"][:, side], rows["high"][:, side] = end[at], high[at]
            rows["low"][:, side], rows["port"][:, side] = low[at], port[at]
            rows["private"][:, side] = is_private(high[at], low[at])
        rows["first_s"] = rows["last_s"] = time_s[at]
        rows["began_s"] = rows["answers_s"] = np.inf
        for column in ("heard_s", "ended_s", "fed_back_s", "claimed_s", "answered_s"):
            rows[column] = -np.inf
        return numbers

    def _room(self, size: int) -> None:
        if size > len(self.table):
            more = max(size, min(2 * len(self.table), MOST_TABLE_FLOWS)) - len(self.table)
            self.table = joined_records([self.table, np.zeros(more, FLOW_COLUMNS)])

    def _count(
        self, packets: Packets, place: Ints, numbers: Ints, direction: Directions, time_s: NDArray[np.float64]
    ) -> None:
        slot, size = place * 2 + direction, 2 * len(numbers)
        counted = np.bincount(slot, minlength=size).reshape(-1, 2)
        self.table["packets"][numbers] += counted
        for column, values in (("bytes", packets.size), ("hops", packets.hops)):
            self.table[column][numbers] += np.bincount(slot, values, size).astype(np.int64).reshape(-1, 2)
        hinted = packets.link_direction >= 0
        if hinted.any():
            sender = direction ^ (packets.link_direction == 0)
            hints = np.bincount((place * 2 + sender)[hinted], minlength=size).reshape(-1, 2)
            self.table["sent_hint"][numbers] += hints.astype(np.int32)
            self.link_directions += np.bincount(packets.link_direction[hinted], minlength=2)
        latest, earliest = np.full(size, -np.inf), np.full(size, np.inf)
        np.maximum.at(latest, slot, time_s)
        np.minimum.at(earliest, slot, time_s)
        began, heard = earliest.reshape(-1, 2), latest.reshape(-1, 2)
        self._count_turns(place, numbers, direction, time_s)
        self.table["began_s"][numbers] = np.minimum(self.table["began_s"][numbers], began)
        self.table["heard_s"][numbers] = np.maximum(self.table["heard_s"][numbers], heard)
        self.table["first_s"][numbers] = np.minimum(self.table["first_s"][numbers], began.min(axis=1))
        self.table["last_s"][numbers] = np.maximum(self.table["last_s"][numbers], heard.max(axis=1))

    def _count_turns(self, place: Ints, numbers: Ints, direction: Directions, time_s: Floats) -> None:
        """Count where both ends of a flow come one after the other, and where at once."""
        turns = np.flatnonzero((place[1:] == place[:-1]) & (direction[1:] != direction[:-1]))
        at_once = turns[np.abs(time_s[turns + 1] - time_s[turns]) < CLOSE_S]
        for column, rows in (("turns", turns), ("turns_at_once", at_once)):
            self.table[column][numbers] += np.bincount(place[rows], minlength=len(numbers))

    def tally(self, column: str, flow: Ints, direction: Directions) -> None:
        """Add one to a column of both directions for each of these packets."""
        np.add.at(self.table[column], (flow, direction), 1)


def packet_ends(packets: Packets, rows: Ints | slice = slice(None)) -> tuple[Words, Words]:
    """Return one number for the source of each packet, and one for its target."""
    return (
        endpoint_hash(packets.source_high[rows], packets.source_low[rows], packets.source_port[rows]),
        endpoint_hash(packets.target_high[rows], packets.target_low[rows], packets.target_port[rows]),
    )


def flow_key(source: Words, target: Words) -> Words:
    """Return the key of a flow, the same for both directions."""
    return hash_words((source ^ target) + (source + target) * _B)


def are_short(high: Words, low: Words) -> Bools:
    """Tell which addresses are of IPv4."""
    return np.asarray((high == 0) & (low >> np.uint64(32) == 0xFFFF), np.bool_)


def is_private(high: Words, low: Words) -> Bools:
    """Tell which are addresses of a local network (RFC 1918, 6598, 3927, 4193, 4291)."""
    inside = PRIVATE_NETWORKS[(low >> np.uint64(16) & np.uint64(0xFFFF)).astype(np.uint16)]
    six = (high >> np.uint64(57) == 0x7E) | (high >> np.uint64(54) == 0x3FA) if high.any() else False
    return np.where(are_short(high, low), inside, six)


def endpoint_address(high: int, low: int, port: int) -> Address:
    """Return the endpoint of two numbers and a port."""
    is_short, packed = high == 0 and low >> 32 == 0xFFFF, (high << 64 | low).to_bytes(16, "big")
    return Address(packed[12:] if is_short else packed, port)


def address_of_end(row: np.void, end: int) -> Address:
    """Return the address of one end of a flow of the table."""
    return endpoint_address(int(row["high"][end]), int(row["low"][end]), int(row["port"][end]))


def are_multicast(high: Words, low: Words) -> Bools:
    """Tell which addresses are multicast or broadcast."""
    top = (low & np.uint64(0xFFFFFFFF)) >> np.uint64(28)
    return np.asarray(
        np.where(are_short(high, low), (top == 14) | (top == 15), high >> np.uint64(56) == 0xFF), np.bool_
    )


def host_pair_hash(high: Words, low: Words) -> Words:
    """Return one number for each pair of hosts, the same for both directions; shapes (n, 2)."""
    port = np.zeros(len(high), np.int64)
    return flow_key(endpoint_hash(high[:, 0], low[:, 0], port), endpoint_hash(high[:, 1], low[:, 1], port))
