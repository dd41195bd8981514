"""Makes a copy of a capture that can be shared: `capture` finds the same calls in it, without addresses, names or
contents.

The first pass finds the flows of calls and attempts, the second writes all UDP and TCP packets anew. Packets of those
flows keep what `strip` leaves of them; all others keep their sizes and times only, as do frames that are neither UDP
nor TCP. Link layers (MAC addresses, tags) and comments are left out. Calls over TCP are written as RFC 4571 streams of
their datagrams.

Writes packets that belong to no call, many at once: made-up addresses, ports, sizes and times, and no contents.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import BinaryIO, NamedTuple, Protocol

import numpy as np

from talkpath.capture.calls.detection import find_calls, measure_streams
from talkpath.capture.calls.stitch import group_flows
from talkpath.capture.packets.byte_hints import ByteHintTable
from talkpath.capture.packets.flows import Flows, are_short, endpoint_address, endpoint_hash, flow_key, packet_ends
from talkpath.capture.recognise.app_files import app_byte_hints, app_wrappings
from talkpath.capture.scan import Scan, scan_capture
from talkpath.capture.scrubbing.pseudonym import Pseudonyms
from talkpath.capture.scrubbing.strip import PayloadStripper
from talkpath.capture.tcp.media_over_tcp import MediaOverTcp
from talkpath.wire.pcap import TCP, UDP, Frames, Packets, Unread, frame_blocks, transport_packets
from talkpath.wire.pcap.arrays import Bools, Bytes, Ints, Words
from talkpath.wire.pcap.fragments import Fragments, ReassemblyBudget
from talkpath.wire.pcap.window import ByteSource
from talkpath.wire.pcap.write import Writer, packet_blocks

LARGEST_PACKET_BYTES = 65535
HOPS_AT_FIRST = 255
"""Of every sender, so that how far a packet had come stays, and its sender's system does not."""


def bare_blocks(packets: Packets, names: Pseudonyms) -> Iterator[tuple[int, bytes]]:
    """Yield the number of each packet's frame and its pcapng block."""
    is_short = are_short(packets.source_high, packets.source_low)
    for is_v4 in (True, False):
        for is_marked in (True, False):
            some = packets.where((is_short == is_v4) & ((packets.link_direction >= 0) == is_marked))
            if len(some):
                head = _transport_bytes(some)
                size = some.size + head.shape[1]
                data = np.concatenate([(_ipv4_headers if is_v4 else _ipv6_headers)(some, size, names), head], axis=1)
                size += data.shape[1] - head.shape[1]
                yield from zip(
                    some.frame.tolist(), packet_blocks(some.time_ns, data, size, some.link_direction), strict=True
                )


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
    is_short = are_short(packets.source_high, packets.source_low)
    return np.asarray(is_short == are_short(packets.target_high, packets.target_low), np.bool_)


LARGEST_CAPTURED_BYTES = 65535
MOST_MISSING = 2048
"""So many of the bytes that a capture left out are stripped, as zeros: no datagram of a call is longer, and a record
may claim 64 kB of a few."""
EMPTY_PACKET = struct.pack("!BBHHHBBHII", 0x45, 0, 20, 0, 0, 64, 253, 0, 0, 0)
"""An IPv4 header of a protocol that is none (RFC 3692)."""


class _Piece(NamedTuple):
    """A datagram or record to write as a segment: when it was complete, its flow and direction; or nothing but how many
    bytes were sent again."""

    at_s: float
    flow: int
    direction: int
    framed: bytes
    again_bytes: int = 0


class SeekableSource(ByteSource, Protocol):
    """A capture that can be read twice."""

    def seek(self, at: int, /) -> int:
        """Go to byte `at` and return the new place, as `io.IOBase.seek`."""


@dataclass(frozen=True, slots=True)
class _PacketOut:
    """One packet to write: its time, its place in the block, the bytes that are kept, its size and direction."""

    time_ns: int
    frame: int
    data: bytes
    size: int
    link_direction: int
    app: str = ""


def scrub_capture(source: SeekableSource, out: BinaryIO, *, app_names: bool = False) -> Unread:
    """Read `source` twice (it must seek) and write the scrubbed pcapng. Return the count of what could not be read,
    which is not in it. `app_names` keeps the names of apps that the file gives to calls."""
    known = scan_capture(source)
    keep, tls, names = _kept_flows(known)
    names = names if app_names else {}
    source.seek(0)
    unread, writer = Unread(), Writer(out)
    rewriter = _Rewriter(keep, tls, ReassemblyBudget(), unread, names)
    fragments = Fragments(unread, ReassemblyBudget())
    for frames in frame_blocks(source, unread):
        batches = list(transport_packets(frames, unread, fragments))
        made: list[tuple[int, bytes | _PacketOut]] = []
        for packets in batches:
            made += rewriter.bare(packets)
            made += ((one.frame, one) for one in rewriter.packets(packets, len(frames)))
        made += _empty_frames(frames, batches)
        for _, one in sorted(made, key=itemgetter(0)):
            if isinstance(one, bytes):
                writer.block(one)
            else:
                writer.packet(one.time_ns, one.data, one.size, one.link_direction, one.app)
    fragments.close()
    return unread


def _kept_flows(known: Scan) -> tuple[Words, Words, dict[int, str]]:
    """Return the keys of the flows of all calls and attempts, those of them that are TLS, and the names of the apps
    that the file gives to flows."""
    groups = group_flows(known)
    found = find_calls(known, groups, measure_streams(known, groups))
    flow_sets = [*(call.flows for call in found.calls), *found.others]
    flows = {flow for flows in flow_sets for flow in flows}
    all_flows, tls_flows = (sorted(some) for some in (flows, flows & known.tcp.turn_over_tls.flows.keys()))
    ends = known.flows.table["end"]
    keys = flow_key(*ends[all_flows].T)
    labels = {flow: known.labels.of([flow])[-1:] for flow in all_flows}
    names = {key: labels[flow][0] for flow, key in zip(all_flows, keys.tolist(), strict=True) if labels[flow]}
    return keys, flow_key(*ends[tls_flows].T), names


def _empty_frames(frames: Frames, batches: list[Packets]) -> Iterator[tuple[int, bytes]]:
    """Yield an empty IP packet for each frame without UDP or TCP, so that counts and times stay."""
    empty = np.ones(len(frames), np.bool_)
    for packets in batches:
        if packets.data is frames.data:
            empty[packets.frame] = False
    rows = np.flatnonzero(empty)
    size = np.clip(frames.size[rows], len(EMPTY_PACKET), LARGEST_CAPTURED_BYTES)
    data = np.broadcast_to(np.frombuffer(EMPTY_PACKET, np.uint8), (len(rows), len(EMPTY_PACKET)))
    unmarked = np.full(len(rows), -1, np.int8)
    yield from zip(rows.tolist(), packet_blocks(frames.time_ns[rows], data, size, unmarked), strict=True)


class _Rewriter:
    """Writes packets anew."""

    def __init__(self, keep: Words, tls: Words, budget: ReassemblyBudget, unread: Unread, apps: dict[int, str]) -> None:
        self._keep, self._apps = keep, apps
        self._names = Pseudonyms()
        self._strip = PayloadStripper(self._names, [hint for _, hint in app_byte_hints()], app_wrappings())
        self._flows = Flows()
        self._streams = MediaOverTcp(self._flows, ByteHintTable(()), budget=budget, unread=unread)
        self._streams.turn_over_tls.follow(tls)
        self._sequence: dict[tuple[int, int], int] = {}
        self._begin_ns: int | None = None

    def bare(self, packets: Packets) -> Iterator[tuple[int, bytes]]:
        """Yield the number of the frame and the block of each packet that belongs to no call."""
        return bare_blocks(packets.where(~self._ours(packets)), self._names)

    def _ours(self, packets: Packets) -> Bools:
        """Tell which packets belong to calls, or cannot be written in bulk."""
        return np.isin(flow_key(*packet_ends(packets)), self._keep) | ~are_of_one_family(packets)

    def packets(self, packets: Packets, frames: int) -> Iterator[_PacketOut]:
        """Yield the other packets, those of TCP calls as their datagrams; reassembled packets come last of their
        block."""
        rows = np.flatnonzero(self._ours(packets))
        keys = flow_key(*packet_ends(packets))
        ours = np.isin(keys, self._keep)
        protocol = int(packets.protocol[0])
        for row in rows.tolist():
            if protocol == TCP and ours[row] and packets.size[row]:
                continue
            payload = self._payload(packets, row) if protocol == UDP and ours[row] else b""
            app = self._apps.get(int(keys[row]), "") if self._apps else ""
            yield self._packet(packets, row, protocol, payload, app)
        if protocol == TCP and ours.any():
            yield from self._segments(packets.where(ours), frames)

    def _payload(self, packets: Packets, row: int) -> bytes:
        at, captured = int(packets.payload[row]), int(packets.captured[row])
        missing = bytes(min(int(packets.size[row]) - captured, MOST_MISSING))
        return self._strip(packets.data[at : at + captured].tobytes() + missing).rstrip(b"\0")

    def _packet(self, packets: Packets, row: int, protocol: int, payload: bytes, app: str) -> _PacketOut:
        sides = (
            (packets.source_high, packets.source_low, packets.source_port),
            (packets.target_high, packets.target_low, packets.target_port),
        )
        near, far = (endpoint_address(*(int(column[row]) for column in columns)) for columns in sides)
        size = int(packets.size[row])
        if protocol == UDP:
            head = struct.pack("!HHHH", near.port, far.port, min(8 + size, LARGEST_CAPTURED_BYTES), 0)
        else:
            head = _tcp_head(near.port, far.port, int(packets.sequence[row]), int(packets.flags[row]))
        data = self._ip(near.packed, far.packed, protocol, len(head) + size, int(packets.hops[row])) + head
        time_ns, frame, link_direction = (
            int(one[row]) for one in (packets.time_ns, packets.frame, packets.link_direction)
        )
        return _PacketOut(time_ns, frame, data + payload, len(data) + size, link_direction, app)

    def _ip(self, near: bytes, far: bytes, protocol: int, size: int, hops: int) -> bytes:
        ends = self._names.address(near) + self._names.address(far)
        if len(near) == 4:
            size = min(20 + size, LARGEST_CAPTURED_BYTES)
            return struct.pack("!BBHHHBBH", 0x45, 0, size, 0, 0, HOPS_AT_FIRST - hops, protocol, 0) + ends
        return struct.pack("!IHBB", 6 << 28, min(size, LARGEST_CAPTURED_BYTES), protocol, HOPS_AT_FIRST - hops) + ends

    def _segments(self, packets: Packets, frames: int) -> Iterator[_PacketOut]:
        """Yield the datagrams and TLS records that these segments complete, each in a segment of its own, and one for
        each segment that completes none, as if it were sent again: its time stays."""
        if self._begin_ns is None:
            self._begin_ns = int(packets.time_ns[0])
        packets = packets.where((packets.size > 0) & (packets.captured > 0))
        time_s = (packets.time_ns - self._begin_ns) / 1e9
        made: list[_Piece] = []
        found = self._streams.feed(packets, time_s)
        for row in range(len(found) if found is not None else 0):
            assert found is not None
            at, size = int(found.outer_at[row]), int(found.outer_size[row])
            end = min(at + size, int(found.at[row] + found.captured[row]))
            data = self._strip(found.data[at:end].tobytes().ljust(size, b"\0"))
            place = float(found.time_s[row]), int(found.flow[row]), int(found.direction[row])
            made.append(_Piece(*place, struct.pack("!H", size) + data))
        for record, at_s, number, side in self._streams.turn_over_tls.take():
            made.append(_Piece(at_s, number, side, self._strip.record(record.captured.ljust(record.size, b"\0"))))
        completed = {one[:3] for one in made}
        columns = (time_s, *self._flows.assign(packets, time_s), packets.size)
        for at_s, number, side, size in zip(*(column.tolist() for column in columns), strict=True):
            if (at_s, number, side) not in completed:
                made.append(_Piece(at_s, number, side, b"", size))
        for number, piece in enumerate(sorted(made, key=itemgetter(0))):
            yield self._segment(piece, self._begin_ns + round(piece.at_s * 1e9), frames + number)

    def _segment(self, piece: _Piece, time_ns: int, frame: int) -> _PacketOut:
        row = self._flows.table[piece.flow]
        ends = [
            endpoint_address(*one)
            for one in zip(*(row[part].tolist() for part in ("high", "low", "port")), strict=True)
        ]
        near, far = ends[piece.direction], ends[1 - piece.direction]
        sequence = self._sequence.get((piece.flow, piece.direction), 1)
        self._sequence[piece.flow, piece.direction] = sequence + len(piece.framed)
        head = _tcp_head(near.port, far.port, sequence - piece.again_bytes, 0x18)
        hops = round(row["hops"][piece.direction] / max(1, row["packets"][piece.direction]))
        size = len(piece.framed) + piece.again_bytes
        data = self._ip(near.packed, far.packed, TCP, len(head) + size, hops) + head
        kept = piece.framed.rstrip(b"\0") or b"\0"
        app = self._apps.get(int(flow_key(row["end"][:1], row["end"][1:])[0]), "")
        return _PacketOut(time_ns, frame, data + kept, len(data) + size, -1, app)


def _tcp_head(source: int, target: int, sequence: int, flags: int) -> bytes:
    return struct.pack("!HHIIBBHHH", source, target, sequence & 0xFFFFFFFF, 0, 0x50, flags, 1024, 0, 0)
