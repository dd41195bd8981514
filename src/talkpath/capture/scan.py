"""Reads a capture in one pass and keeps what the analysis needs.

A block is read at a time: frames, packets, and the datagrams inside what carries others. No packet of an earlier block
is needed, so memory does not grow with the file, only with the flows in it and the seconds that they last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from talkpath.capture.packets.activity import Activity
from talkpath.capture.packets.byte_hints import ByteHintTable
from talkpath.capture.packets.copies import Copies
from talkpath.capture.packets.datagrams import (
    DTLS,
    OTHER,
    QUIC,
    RTCP,
    STUN,
    TURN,
    Datagrams,
    Seconds,
    answers_to_checks,
    farewells,
    may_be_cut_media,
    open_payloads,
)
from talkpath.capture.packets.flows import Flows
from talkpath.capture.packets.pcapdroid import AppLabels
from talkpath.capture.packets.rows import Rows, headerless_rows, rtp_rows
from talkpath.capture.packets.set_clock import SetClock
from talkpath.capture.packets.spool import Spool
from talkpath.capture.recognise.app import Recognition
from talkpath.capture.recognise.app_files import app_wrappings, stun_types
from talkpath.capture.recognise.evidence import KnownFlow
from talkpath.capture.tcp.media_over_tcp import MediaOverTcp
from talkpath.capture.tcp.turn_over_tls import record_rows
from talkpath.wire.pcap import UDP, Frames, Packets, Unread, frame_blocks, transport_packets
from talkpath.wire.pcap.arrays import Ints, big16, is_among, marks_of
from talkpath.wire.pcap.fragments import Fragments, ReassemblyBudget
from talkpath.wire.pcap.read import BLOCK_BYTES
from talkpath.wire.pcap.records import RecordGaps, replace_strays
from talkpath.wire.pcap.window import ByteSource
from talkpath.wire.rtc.stun import Type

Progress = Callable[[int], None]

OWN_ANSWERS = marks_of(*stun_types("STUN_ANSWERS"), bits=16)
OWN_NO_REQUESTS = OWN_ANSWERS | marks_of(*stun_types("STUN_INDICATIONS"), bits=16)
"""Message types of apps that do not follow STUN's classes."""
CHECK_ANSWERS = OWN_ANSWERS | marks_of(Type.BINDING_RESPONSE, bits=16)
"""What the other end of a call answers with; other answers may be a relay's."""

SEALED = np.array((23, 0x2F))
"""First bytes of application data: of DTLS, and of epoch 3 of DTLS 1.3."""
FEEDBACK = np.array((201, 205, 206))
"""RTCP of an end that need not send media: receiver report, transport and payload feedback (RFC 3550, RFC 4585)."""
SENDER_REPORT = 200
"""RTCP of an end that sent media since the report before its last (RFC 3550 section 6.4)."""


class ScanLimits(NamedTuple):
    """What a scan may hold: flows before a new one must show some packets first (None: CROWDED_FLOWS), and bytes that
    are read at once."""

    crowded_flows: int | None = None
    block_bytes: int = BLOCK_BYTES


FILE_LIMITS = ScanLimits()
CLOCKS_APART_NS, MAX_CLOCKS, NOT_CUT_BYTES = 5 * 365 * 86_400 * 10**9, 8, 1 << 32


@dataclass(slots=True)
class Scan:
    """What one capture holds. Times are seconds from the first packet in the file; `begin_s` is the earliest."""

    unread: Unread = field(default_factory=Unread)
    flows: Flows = field(init=False)
    media: Spool = field(default_factory=lambda: Spool(prune=True))
    headerless: Spool = field(default_factory=lambda: Spool(prune=False))
    labels: AppLabels = field(default_factory=AppLabels)
    wrappings: ByteHintTable = field(default_factory=lambda: ByteHintTable(app_wrappings()))
    packets: int = 0
    clocks: list[tuple[int, int]] = field(default_factory=list)
    """The clocks that the file's times are of, each as one of them and when the recording began by it, in ns since
    1970. Another one is seen where times leap by years: it was set, or a packet has none."""

    limits: ScanLimits = FILE_LIMITS
    begin_s: float = 0.0
    end_s: float = 0.0
    gaps: RecordGaps = field(default_factory=RecordGaps)
    clock: SetClock = field(default_factory=SetClock)
    set_s: list[float] = field(default_factory=list)
    """When the clock was set back or forward, and goes on."""

    longest_bytes: int = 0
    """The most that is recorded of a frame. A recorder cuts frames to this; who takes bytes away later does to less."""

    copies: Copies = field(default_factory=Copies)
    activity: Activity = field(init=False)
    recognition: Recognition = field(init=False)
    tcp: MediaOverTcp = field(init=False)
    reader: Reader = field(init=False)

    def __post_init__(self) -> None:
        self.flows, self.activity = Flows(self.unread, self.limits.crowded_flows), Activity(self.unread)
        self.recognition = Recognition(self.flows, self.unread)
        budget = ReassemblyBudget()
        self.tcp = MediaOverTcp(self.flows, self.wrappings, activity=self.activity, budget=budget, unread=self.unread)
        self.reader = Reader(self.wrappings, ReassemblyBudget(), self.limits.block_bytes)

    def feed(self, block: Block) -> None:
        """Take one block."""
        frames = block.frames
        was_set = self.clock.put_right(frames, block.packets)
        self._learn_clocks(frames.time_ns)
        self.packets += len(frames)
        time_s = self._seconds(frames.time_ns)
        self.set_s += time_s[was_set].tolist()
        self.gaps.feed(time_s)
        self.begin_s = min(self.begin_s, float(time_s.min()))
        self.end_s = max(self.end_s, float(time_s.max()))
        datagrams = [batch for found in block.packets if (batch := self._packets(*found, frames)) is not None]
        self.longest_bytes = max(self.longest_bytes, int(frames.captured.max()))
        is_cut = self.longest_bytes == frames.captured[frames.captured < frames.size].min(initial=NOT_CUT_BYTES)
        for batch in datagrams:
            self._tally(batch, is_cut=bool(is_cut))
        media = [rtp_rows(batch) for batch in datagrams]
        self.recognition.feed(datagrams, media)
        for batch, rows in zip(datagrams, media, strict=True):
            self.media.add(rows)
            self._keep_headerless(batch)

    def known(self, flows: Iterable[int]) -> list[KnownFlow]:
        """Return what recognisers know of these flows."""
        return [self.recognition.known[flow] for flow in flows if flow in self.recognition.known]

    def _learn_clocks(self, time_ns: Ints) -> None:
        """Note the clocks of these packets. Another one goes on where the packet before it stood in the file."""
        self.clocks = self.clocks or [(int(time_ns[0]), int(time_ns[0]))]
        for _ in range(MAX_CLOCKS - len(self.clocks)):
            apart = np.abs(time_ns[:, None] - np.array(self.clocks, np.int64)[:, 0]).min(axis=1)
            if apart.max() < CLOCKS_APART_NS:
                return
            at = int(np.argmax(apart >= CLOCKS_APART_NS))
            before_s = self._seconds(time_ns[at - 1 : at])[0] if at else self.end_s
            began_ns = time_ns[at : at + 1] - round(before_s * 1e9)  # as an array: it may wrap round
            self.clocks.append((int(time_ns[at]), int(began_ns[0])))

    def _seconds(self, time_ns: Ints) -> Seconds:
        shown, began = np.array(self.clocks, np.int64).T
        of = np.abs(time_ns[:, None] - shown).argmin(axis=1) if len(began) > 1 else 0
        return np.asarray((time_ns - began[of]) / 1e9, np.float64)

    def _packets(self, packets: Packets, payloads: Datagrams | None, frames: Frames) -> Datagrams | None:
        """Count these packets; return the datagrams that they hold."""
        time_s = self._seconds(packets.time_ns)
        if payloads is None:
            return self._segments(packets, time_s)
        is_copy = self.copies.are_copies(packets, payloads, time_s)
        if is_copy.any():
            packets, time_s = packets.where(~is_copy), time_s[~is_copy]
        packets, time_s = self.flows.admitted(packets, time_s)
        if not len(packets):
            return None
        if len(packets) < len(payloads):
            payloads = open_packets(packets, self.wrappings)
        flow, direction = self.flows.assign(packets, time_s)
        self.activity.flows(flow, direction, time_s)
        if len(frames.data) == len(packets.data):
            self.labels.feed(frames, packets, flow)
        batch = payloads.of_flows(time_s, flow, direction)
        self.tcp.turn_over_tls.allocated(batch)
        return batch

    def _segments(self, packets: Packets, time_s: Seconds) -> Datagrams | None:
        self.activity.others(packets, time_s)
        batch = self.tcp.feed(packets, time_s)
        records = self.tcp.turn_over_tls.take()
        if records:
            self.headerless.add(record_rows(self.flows, records))
        return batch

    def _tally(self, batch: Datagrams, *, is_cut: bool) -> None:
        flow, direction, kind, head = batch.flow, batch.direction, batch.kind, batch.head
        stun, dtls, reports = (np.flatnonzero(kind == code) for code in (STUN, DTLS, RTCP))
        name, first = big16(head[stun], 0), head[dtls, 0]
        feedback = reports[is_among(head[reports, 1].astype(np.int64), FEEDBACK)]
        claims = reports[head[reports, 1] == SENDER_REPORT]
        others = np.flatnonzero(kind == OTHER)
        for column, rows in (
            ("requests", stun[((name & 0x0110) == 0) & ~OWN_NO_REQUESTS[name]]),
            ("answers", stun[((name & 0x0110) >= 0x0100) | OWN_ANSWERS[name]]),
            ("hellos", dtls[(first == 22) & (head[dtls, 13] == 1)]),
            ("sealed", dtls[is_among(first.astype(np.int64), SEALED)]),
            ("reports", reports),
            ("feedback", feedback),
            ("other", others),
            ("cut_off", others[may_be_cut_media(batch, others)] if is_cut else others[:0]),
        ):
            self.flows.tally(column, flow[rows], direction[rows])
        answers, after_s = answers_to_checks(batch, stun)
        np.minimum.at(self.flows.table["answers_s"], (flow[answers], direction[answers]), after_s)
        for column, rows in (
            ("fed_back_s", feedback),
            ("claimed_s", claims),
            ("answered_s", stun[CHECK_ANSWERS[name]]),
            ("ended_s", farewells(batch)),
        ):
            np.maximum.at(self.flows.table[column], (flow[rows], direction[rows]), batch.time_s[rows])
        np.add.at(self.flows.table["turn"], flow[batch.outer == TURN], 1)
        np.add.at(self.flows.table["quic"], flow[kind == QUIC], 1)

    def _keep_headerless(self, batch: Datagrams) -> None:
        """Keep packets of flows that may be calls without a readable header; a quarter of them look like RTP by
        chance."""
        rows = np.flatnonzero((batch.kind != STUN) & (batch.kind != DTLS))
        rows = rows[self.recognition.marked(batch.flow[rows])]
        if len(rows):
            kept: Rows = headerless_rows(batch, rows)
            kept["type"] = self.recognition.medium_codes(batch, rows)
            self.headerless.add(kept)


def scan_capture(
    source: ByteSource,
    progress: Progress | None = None,
    *,
    in_memory: bool = False,
    limits: ScanLimits = FILE_LIMITS,
) -> Scan:
    """Read a whole capture. `progress` is called with the number of packets after each block. `in_memory`: no row waits
    in a file."""
    out = Scan(limits=limits)
    if in_memory:
        out.media, out.headerless = Spool(prune=True, in_memory=True), Spool(prune=False, in_memory=True)
    for block in out.reader.blocks(source):
        out.feed(block)
        if progress is not None:
            progress(out.packets)
    out.unread.update(out.reader.unread)
    return out


@dataclass(slots=True)
class Block:
    """The frames of one block and their packets. Each UDP packets have their datagrams beside them, of which the flows
    are not known yet."""

    frames: Frames
    packets: list[tuple[Packets, Datagrams | None]]


class Reader:
    """Reads one capture. `unread` counts what could not be read."""

    def __init__(self, wrappings: ByteHintTable, budget: ReassemblyBudget, block_bytes: int = BLOCK_BYTES) -> None:
        self.unread, self._block_bytes = Unread(), block_bytes
        self._wrappings = wrappings
        self._fragments = Fragments(self.unread, budget)

    def block(self, frames: Frames) -> Block:
        """Read one block."""
        replace_strays(frames.time_ns)
        found = transport_packets(frames, self.unread, self._fragments)
        return Block(
            frames,
            [
                (packets, open_packets(packets, self._wrappings) if packets.protocol[0] == UDP else None)
                for packets in found
            ],
        )

    def blocks(self, source: ByteSource) -> Iterator[Block]:
        """Read all blocks. Each is valid until the next is asked for."""
        for frames in frame_blocks(source, self.unread, self._block_bytes):
            if len(frames):
                yield self.block(frames)
        self._fragments.close()


def open_packets(packets: Packets, wrappings: ByteHintTable) -> Datagrams:
    """Open the payloads of UDP packets."""
    return open_payloads(packets.data, packets.payload, packets.size, packets.captured, wrappings)
