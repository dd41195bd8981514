"""Finds packets that a recording holds twice: taken on two interfaces, at a mirror port, on both sides of a router.

A copy has the addresses, ports, length, checksum and bytes of its datagram, but may have other link headers and fewer
hops left. A sender gives each IPv4 datagram a number of its own (RFC 6864 section 4), so that what it sends again has
another; where it gives none, as in IPv6, only what comes at once is a copy. A recorder doubles most of a flow, a
network little of it.
"""

from __future__ import annotations

import numpy as np

from talkpath.capture.packets.datagrams import Datagrams, Seconds
from talkpath.capture.packets.flows import are_short, hash_words
from talkpath.wire.pcap import Packets
from talkpath.wire.pcap.arrays import Bools, Ints, Words, big16, bytes_at, group_keys

COPY_S, NUMBERED_COPY_S, RECORDED_TWICE_SHARE = 0.005, 0.5, 0.25
"""How soon a copy comes after its packet: without a number, and with one. So large a share of what one end of a flow
sent are copies where a recorder made them; where it wrote all of them twice, half."""
REMEMBERED_PACKETS, SAMPLED_PACKETS, SAMPLED_BELOW, FEWEST_SAMPLED = 1 << 10, 1 << 12, np.uint64(1 << 60), 4
"""Of more packets a sixteenth is looked at first, chosen by their bytes; with fewer copies among them no flow was
recorded twice."""
NUMBER_AHEAD_BYTES, NUMBERED = 24, np.uint64(1)
"""So far before the payload stands the number, in an IPv4 header without options. The last bit of a hash says that
there is one."""
MIX = hash_words(np.arange(1, 13, dtype=np.uint64)) | NUMBERED


class Copies:
    """Remembers the last packets: a hash of all that a copy has in common with each, and its time."""

    def __init__(self) -> None:
        self._hashes, self._time_s = np.zeros(0, np.uint64), np.zeros(0)

    def are_copies(self, packets: Packets, datagrams: Datagrams, time_s: Seconds) -> Bools:
        """Tell which of these packets the recorder wrote before."""
        words, rows, out = datagrams.head.view(np.uint64), np.arange(len(packets)), np.zeros(len(packets), np.bool_)
        if len(packets) > SAMPLED_PACKETS:
            sample = np.flatnonzero((words[:, 0] ^ words[:, 1]) * MIX[0] < SAMPLED_BELOW)
            copies = came_again(_common_hash(packets, words, sample), time_s[sample])
            rows = rows if np.count_nonzero(copies) >= FEWEST_SAMPLED else rows[-REMEMBERED_PACKETS:]
        hashes = np.append(self._hashes, _common_hash(packets, words, rows))
        every_s = np.append(self._time_s, time_s[rows])
        out[rows] = came_again(hashes, every_s)[len(self._hashes) :]
        self._hashes, self._time_s = hashes[-REMEMBERED_PACKETS:], every_s[-REMEMBERED_PACKETS:]
        if out.any():
            ports = packets.source_port << 16 | packets.target_port
            senders = group_keys(mixed_hash(packets.source_low, packets.target_low, ports))
            out &= (np.bincount(senders.place, out) >= RECORDED_TWICE_SHARE * senders.count)[senders.place]
        return out


def came_again(hashes: Words, time_s: Seconds, within_s: float = NUMBERED_COPY_S) -> Bools:
    """Tell which of these came less than so long before, of those without a number less than COPY_S."""
    order, out = np.argsort(hashes, kind="stable"), np.zeros(len(hashes), np.bool_)
    before, after = order[:-1], order[1:]
    soon_s = np.where(hashes[after] & NUMBERED, within_s, COPY_S)
    out[after] = (hashes[after] == hashes[before]) & (np.abs(time_s[after] - time_s[before]) < soon_s)
    return out


def mixed_hash(*columns: Words | Ints) -> Words:
    """Return one number for the values of each row."""
    return np.asarray(sum(one.view(np.uint64) * by for one, by in zip(columns, MIX, strict=False)), np.uint64)


def _common_hash(packets: Packets, words: Words, rows: Ints) -> Words:
    high, low, to_low = (one[rows] for one in (packets.source_high, packets.source_low, packets.target_low))
    number = big16(bytes_at(packets.data, packets.payload[rows] - NUMBER_AHEAD_BYTES, 2), 0) * are_short(high, low)
    numbers = (one[rows] for one in (packets.source_port, packets.target_port, packets.sequence))
    return mixed_hash(*words[rows].T, low, to_low, number, *numbers) & ~NUMBERED | (number > 0)
