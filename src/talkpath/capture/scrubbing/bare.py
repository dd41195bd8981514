"""Writes packets that belong to no call, many at once: made-up addresses, ports, sizes and times, and no contents."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from talkpath.capture.packets.flows import endpoint_address, endpoint_hash
from talkpath.capture.scrubbing.pseudonym import Pseudonyms
from talkpath.wire.pcap import UDP, Packets
from talkpath.wire.pcap.arrays import Bools, Bytes, Ints, Words
from talkpath.wire.pcap.network import MAPPED_PREFIX_WORD
from talkpath.wire.pcap.write import packet_blocks

LARGEST_PACKET_BYTES = 65535
HOPS_AT_FIRST = 255
"""Of every sender, so that how far a packet had come stays, and its sender's system does not."""
SHORT_SHIFT = np.uint64(32)


def bare_blocks(packets: Packets, names: Pseudonyms) -> Iterator[tuple[int, bytes]]:
    """Yield the number of each packet's frame and its pcapng block."""
    is_short = _is_v4(packets.source_high, packets.source_low)
    for is_v4 in (True, False):
        for is_marked in (True, False):
            some = packets.where((is_short == is_v4) & ((packets.heading >= 0) == is_marked))
            if len(some):
                head = _transport_bytes(some)
                size = some.size + head.shape[1]
                data = np.concatenate([(_ipv4_headers if is_v4 else _ipv6_headers)(some, size, names), head], axis=1)
                size += data.shape[1] - head.shape[1]
                yield from zip(some.frame.tolist(), packet_blocks(some.time_ns, data, size, some.heading), strict=True)


def _transport_bytes(packets: Packets) -> Bytes:
    is_udp = int(packets.protocol[0]) == UDP
    out = np.zeros((len(packets), 8 if is_udp else 20), np.uint8)
    _put_number(out, 0, ">u2", packets.source_port)
    _put_number(out, 2, ">u2", packets.target_port)
    if is_udp:
        _put_number(out, 4, ">u2", np.minimum(8 + packets.size, LARGEST_PACKET_BYTES))
        return out
    _put_number(out, 4, ">u4", packets.sequence)
    out[:, 12], out[:, 13] = 0x50, packets.flags
    out[:, 14:16] = 1024 >> 8, 1024 & 255
    return out


def _ipv4_headers(packets: Packets, size: Ints, names: Pseudonyms) -> Bytes:
    out = np.zeros((len(packets), 20), np.uint8)
    out[:, 0], out[:, 8], out[:, 9] = 0x45, HOPS_AT_FIRST - packets.hops, packets.protocol
    _put_number(out, 2, ">u2", np.minimum(20 + size, LARGEST_PACKET_BYTES))
    out[:, 12:16] = _made_up(packets.source_high, packets.source_low, names, 4)
    out[:, 16:20] = _made_up(packets.target_high, packets.target_low, names, 4)
    return out


def _ipv6_headers(packets: Packets, size: Ints, names: Pseudonyms) -> Bytes:
    out = np.zeros((len(packets), 40), np.uint8)
    out[:, 0], out[:, 6], out[:, 7] = 0x60, packets.protocol, HOPS_AT_FIRST - packets.hops
    _put_number(out, 4, ">u2", np.minimum(size, LARGEST_PACKET_BYTES))
    out[:, 8:24] = _made_up(packets.source_high, packets.source_low, names, 16)
    out[:, 24:40] = _made_up(packets.target_high, packets.target_low, names, 16)
    return out


def _made_up(high: Words, low: Words, names: Pseudonyms, width: int) -> Bytes:
    """Return the pseudonym of each address, shape (n, width)."""
    hosts = endpoint_hash(high, low, np.zeros(len(high), np.int64))
    _, first, inverse = np.unique(hosts, return_index=True, return_inverse=True)
    real = zip(high[first].tolist(), low[first].tolist(), strict=True)
    made = b"".join(names.address(endpoint_address(*one, 0).packed) for one in real)
    return np.frombuffer(made, np.uint8).reshape(-1, width)[inverse]


def _put_number(out: Bytes, at: int, kind: str, values: Ints) -> None:
    field = values.astype(kind)
    out[:, at : at + field.itemsize] = field.view(np.uint8).reshape(len(out), -1)


def are_of_one_family(packets: Packets) -> Bools:
    """Tell which packets have two addresses of one family: no header can be written for others."""
    alike: Bools = _is_v4(packets.source_high, packets.source_low) == _is_v4(packets.target_high, packets.target_low)
    return alike


def _is_v4(high: Words, low: Words) -> Bools:
    short: Bools = (high == 0) & (low >> SHORT_SHIFT == MAPPED_PREFIX_WORD >> SHORT_SHIFT)
    return short
