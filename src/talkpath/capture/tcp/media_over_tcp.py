"""Finds media over TCP: TURN (RFC 8656), ICE-TCP (RFC 4571) and Telegram's reflectors.

Only connections that show such framing are followed; of all others only the first bytes of segments are read.
"""

from __future__ import annotations

from itertools import islice

import numpy as np

from talkpath.capture.packets.activity import Activity
from talkpath.capture.packets.byte_hints import ByteHintTable
from talkpath.capture.packets.datagrams import Datagrams, Seconds, open_payloads
from talkpath.capture.packets.flows import Directions, Flows, flow_key, host_pair_hash, packet_ends
from talkpath.capture.tcp.proxies import Proxies
from talkpath.capture.tcp.reassembly import Completed, Connections, Splitter
from talkpath.capture.tcp.sealed_streams import SealedStreams
from talkpath.capture.tcp.turn_over_tls import TurnOverTls
from talkpath.wire.pcap import Packets, Unread
from talkpath.wire.pcap.arrays import (
    Bools,
    Bytes,
    Ints,
    Words,
    big16,
    big32,
    bytes_at,
    distinct_values,
    is_among,
    marks_of,
    padded_copy,
)
from talkpath.wire.pcap.fragments import ReassemblyBudget
from talkpath.wire.rtc.reflector import ReflectorStream
from talkpath.wire.rtc.turn import FramedStream, TurnStream

COOKIE, PROLOGUE = 0x2112A442, 0xEEEEEEEE
FEWEST_FRAMED, MOST_FRAMES, SHORTEST_FRAME_BYTES = 3, 4, 14
LARGEST_FRAME_BYTES = 1 << 14
MOST_WEAK_CONNECTIONS = 1 << 17
"""So many connections that showed whole frames are counted; beyond it those that were idle longest are forgotten."""
REFUSED_WORDS = np.array(sorted(int.from_bytes(word, "big") for word in (b"RTSP", b"DESC", b"SETU", b"PLAY", b"ANNO")))

BEGINS_WORD = marks_of(*b"RDSPA")


def _framing_splitter(captured: bytes, size: int) -> Splitter | None:
    """Return the splitter for the framing that a segment of `size` bytes begins with, None where it is none of
    these."""
    head = captured[:10].ljust(10, b"\0")
    if head[:4] == PROLOGUE.to_bytes(4, "big"):
        return ReflectorStream()
    if head[0] < 0x40 and head[4:8] == COOKIE.to_bytes(4, "big"):
        return TurnStream()
    length = int.from_bytes(head[:2], "big")
    if 0x40 <= head[0] <= 0x4F and size >= 8 and int.from_bytes(head[2:4], "big") <= LARGEST_FRAME_BYTES:
        return TurnStream()
    if not 12 <= length <= LARGEST_FRAME_BYTES or size <= 8:
        return None
    known = head[6:10] == COOKIE.to_bytes(4, "big") or head[2] >> 6 == 2 or 20 <= head[2] < 64
    return FramedStream() if known or length + 2 == size else None


class MediaOverTcp:
    """Follows the TCP connections that carry framed packets."""

    def __init__(
        self,
        flows: Flows,
        wrappings: ByteHintTable,
        *,
        activity: Activity | None = None,
        budget: ReassemblyBudget | None = None,
        unread: Unread | None = None,
    ) -> None:
        budget, unread = budget or ReassemblyBudget(), Unread() if unread is None else unread
        self._unread = unread
        self._flows, self._wrappings, self._activity = flows, wrappings, activity or Activity(unread)
        self._keys = np.zeros(0, np.uint64)
        self._weak: dict[int, int] = {}
        self._connections = Connections(_framing_splitter, budget, unread)
        self.turn_over_tls = TurnOverTls(flows, self._activity, budget, unread)
        self.proxies, self.sealed = Proxies(unread), SealedStreams()
        self.streaming: set[int] = set()
        """Pairs of hosts (`host_pair_hash`) that spoke RTSP: media between them is no call."""

    @property
    def noted(self) -> int:
        """How many connections and pairs of hosts are noted beside the flows."""
        return len(self._keys) + len(self.streaming) + self.turn_over_tls.proved

    def feed(self, packets: Packets, time_s: Seconds) -> Datagrams | None:
        """Return the datagrams that these segments complete, None where there are none."""
        rows = np.flatnonzero((packets.size > 0) & (packets.captured > 0))
        head = bytes_at(packets.data, packets.payload[rows], 12)
        source, target = packet_ends(packets, rows)
        keys = flow_key(source, target)
        self._notice(packets.data, head, packets.payload[rows], packets.size[rows], keys)
        self._note_streaming(packets, rows, head)
        self.proxies.feed(head, packets.size[rows], keys, source, time_s[rows])
        followed = rows[is_among(keys, self._keys)]
        found = self._datagrams(packets.where(followed), time_s[followed]) if len(followed) else None
        if found is not None:
            self.turn_over_tls.allocated(found)
        self.turn_over_tls.feed(packets, rows, head, keys, time_s)
        other = ~self.turn_over_tls.follows(keys)
        is_upward = (source > target).astype(np.int64)
        self.sealed.feed(head[other], packets.size[rows[other]], keys[other], is_upward[other], time_s[rows[other]])
        return found

    def _notice(self, data: Bytes, head: Bytes, at: Ints, size: Ints, keys: Words) -> None:
        """Which connections show the framing of TURN or RFC 4571: by a cookie, or by segments that are whole frames."""
        plain = (head[:, 0] < 64) & (big32(head, 4) == COOKIE) & (size >= 20)
        framed = (big32(head, 6) == COOKIE) & (head[:, 2] < 64) & (big16(head, 0) >= 20)
        prologue = big32(head, 0) == PROLOGUE
        fresh = set(keys[plain | framed | prologue].tolist())
        if len(self._weak) > MOST_WEAK_CONNECTIONS:
            self._weak = dict(islice(self._weak.items(), len(self._weak) - MOST_WEAK_CONNECTIONS // 2, None))
            self._unread.note("TCP connection with whole frames counted anew: too many of them")
        for key in keys[_is_whole_frames(data, head, at, size)].tolist():
            self._weak[key] = self._weak.pop(key, 0) + 1  # the latest last
            if self._weak[key] >= FEWEST_FRAMED:
                fresh.add(key)
        if fresh:
            self._keys = distinct_values(np.concatenate([self._keys, np.array(list(fresh), np.uint64)]))

    def _note_streaming(self, packets: Packets, rows: Ints, head: Bytes) -> None:
        near = np.flatnonzero(BEGINS_WORD[head[:, 0]])
        near = rows[near[is_among(big32(head[near], 0), REFUSED_WORDS)]]
        lines = zip(packets.payload[near].tolist(), packets.captured[near].tolist(), strict=True)
        spoken = [b"rtsp" in bytes(packets.data[at : at + min(captured, 200)]).lower() for at, captured in lines]
        near = near[np.array(spoken, np.bool_)]
        high = np.stack([packets.source_high[near], packets.target_high[near]], axis=1)
        low = np.stack([packets.source_low[near], packets.target_low[near]], axis=1)
        self.streaming.update(host_pair_hash(high, low).tolist())

    def _datagrams(self, packets: Packets, time_s: Seconds) -> Datagrams | None:
        packets, time_s = self._flows.admitted(packets, time_s)
        if not len(packets):
            return None
        flow, direction = self._flows.assign(packets, time_s)
        self._activity.followed(flow, direction, packets, time_s)
        out = self._connections.completed(packets, flow, direction, time_s)
        return _packed_frames(out, self._wrappings) if out else None


def _is_whole_frames(data: Bytes, head: Bytes, at: Ints, size: Ints) -> Bools:
    """Tell which segments hold a whole number of frames, at most MOST_FRAMES: a length and so many bytes (RFC 4571), or
    ChannelData messages."""
    fits = np.zeros(len(at), np.bool_)
    for shape in (lambda start: big16(start, 0) + 2, _channel_bytes):
        first = shape(head)
        place, left = at.copy(), np.where((first >= SHORTEST_FRAME_BYTES) & (first <= size), size, -1)
        for _ in range(MOST_FRAMES):
            rows = np.flatnonzero(left > 0)
            step = shape(bytes_at(data, place[rows], 4))
            step[(step > left[rows]) | (step < SHORTEST_FRAME_BYTES)] = 0
            left[rows] = np.where(step > 0, left[rows] - step, -1)
            place[rows] += step
        fits |= left == 0
    return fits


def _channel_bytes(head: Bytes) -> Ints:
    length = big16(head, 2)
    return np.where(head[:, 0] >> 4 == 4, length + (-length & 3) + 4, 0)


def _packed_frames(found: list[Completed], wrappings: ByteHintTable) -> Datagrams:
    sizes = np.array([packet.size for packet, _, _, _ in found], np.int64)
    captured = np.array([len(packet.captured) for packet, _, _, _ in found], np.int64)
    at = np.cumsum(captured) - captured
    time_s = np.array([at_s for _, at_s, _, _ in found], np.float64)
    flow = np.array([number for _, _, number, _ in found], np.int64)
    direction: Directions = np.array([side for _, _, _, side in found], np.int8)
    data = padded_copy(b"".join(packet.captured for packet, _, _, _ in found))
    return open_payloads(data, at, sizes, captured, wrappings, tcp=True).of_flows(time_s, flow, direction)
