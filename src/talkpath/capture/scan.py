"""One pass over a capture: blocks of frames in, what the analysis needs of them out.

Memory does not grow with the file, only with the flows in it and the seconds that they last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from talkpath.capture.packets.datagrams import DTLS, OTHER, QUIC, RTCP, RTP, STUN, TURN, Datagrams, Seconds, datagrams
from talkpath.capture.packets.flows import Flows
from talkpath.capture.packets.pcapdroid import Labels
from talkpath.capture.packets.rows import Rows, opaque_rows, rtp_rows
from talkpath.capture.packets.spool import Spool
from talkpath.capture.recognise.app import Recognition, wrappings
from talkpath.capture.recognise.cues import CueTable
from talkpath.capture.streams.activity import Activity
from talkpath.capture.tcp.media_over_tcp import Connections
from talkpath.capture.tcp.turn_over_tls import record_rows
from talkpath.wire.pcap import UDP, Frames, Packets, Unread, blocks, transports
from talkpath.wire.pcap.arrays import Ints, big16, marked16
from talkpath.wire.pcap.fragments import Fragments
from talkpath.wire.pcap.window import Source

Progress = Callable[[int], None]

OWN_ANSWERS = marked16(0x0802, 0x0805)
NO_REQUESTS = marked16(0x0800, 0x0802, 0x0805)
"""WhatsApp's message types do not keep to STUN's classes: its close, and the answers to 0801 and 0804."""


@dataclass(slots=True)
class Scan:
    """What one capture holds. Times are seconds from the first packet in the file; `begin_s` is the earliest."""

    unread: Unread = field(default_factory=Unread)
    flows: Flows = field(default_factory=Flows)
    activity: Activity = field(default_factory=Activity)
    media: Spool = field(default_factory=lambda: Spool(prune=True))
    opaque: Spool = field(default_factory=lambda: Spool(prune=False))
    labels: Labels = field(default_factory=Labels)
    wrappings: CueTable = field(default_factory=lambda: CueTable(wrappings()))
    packets: int = 0
    base_ns: int | None = None
    begin_s: float = 0.0
    end_s: float = 0.0
    recognition: Recognition = field(init=False)
    connections: Connections = field(init=False)
    fragments: Fragments = field(init=False)

    def __post_init__(self) -> None:
        self.recognition = Recognition(self.flows)
        self.connections = Connections(self.flows, self.wrappings, self.activity)
        self.fragments = Fragments(self.unread)

    def feed(self, frames: Frames) -> None:
        """Take one block."""
        if not len(frames):
            return
        if self.base_ns is None:
            self.base_ns = int(frames.time_ns[0])
        self.packets += len(frames)
        time_s = self._seconds(frames.time_ns)
        self.begin_s = min(self.begin_s, float(time_s.min()))
        self.end_s = max(self.end_s, float(time_s.max()))
        batches = (self._packets(packets, frames) for packets in transports(frames, self.unread, self.fragments))
        found = [batch for batch in batches if batch is not None]
        for batch in found:
            self._tally(batch)
        self.recognition.feed(found)
        for batch in found:
            self.media.add(rtp_rows(batch, np.flatnonzero(batch.kind == RTP)))
            self._opaque(batch)

    def _seconds(self, time_ns: Ints) -> Seconds:
        seconds: Seconds = (time_ns - np.int64(self.base_ns or 0)) / 1e9
        return seconds

    def _packets(self, packets: Packets, frames: Frames) -> Datagrams | None:
        """Count these packets; the datagrams that they hold."""
        time_s = self._seconds(packets.time_ns)
        if packets.protocol[0] != UDP:
            return self._segments(packets, time_s)
        flow, way = self.flows.assign(packets, time_s)
        self.activity.flows(flow, way, time_s)
        if len(frames.data) == len(packets.data):
            self.labels.feed(frames, packets, flow)
        at, size, captured = packets.payload, packets.size, packets.captured
        found = datagrams(packets.data, time_s, flow, way, at, size, captured, self.wrappings)
        self.connections.inside.allocated(found)
        return found

    def _segments(self, packets: Packets, time_s: Seconds) -> Datagrams | None:
        self.activity.others(packets, time_s)
        found = self.connections.feed(packets, time_s)
        records = self.connections.inside.take()
        if records:
            self.opaque.add(record_rows(self.flows, records))
        return found

    def _tally(self, found: Datagrams) -> None:
        flow, way, kind, head = found.flow, found.way, found.kind, found.head
        stun = np.flatnonzero(kind == STUN)
        name = big16(head[stun], 0)
        rows = stun[((name & 0x0110) == 0) & ~NO_REQUESTS[name]]
        self.flows.tally("requests", flow[rows], way[rows])
        rows = stun[((name & 0x0110) >= 0x0100) | OWN_ANSWERS[name]]
        self.flows.tally("answers", flow[rows], way[rows])
        dtls = np.flatnonzero(kind == DTLS)
        hello = (head[dtls, 0] == 22) & (head[dtls, 13] == 1)
        self.flows.tally("hellos", flow[dtls[hello]], way[dtls[hello]])
        sealed = dtls[head[dtls, 0] == 23]
        self.flows.tally("sealed", flow[sealed], way[sealed])
        for column, which in (("reports", kind == RTCP), ("other", kind == OTHER)):
            rows = np.flatnonzero(which)
            self.flows.tally(column, flow[rows], way[rows])
        np.add.at(self.flows.table["turn"], flow[found.outer == TURN], 1)
        np.add.at(self.flows.table["quic"], flow[kind == QUIC], 1)

    def _opaque(self, found: Datagrams) -> None:
        """Keep packets where a call without a readable header may be; a quarter of them look like RTP by chance."""
        rows = np.flatnonzero((found.kind != STUN) & (found.kind != DTLS))
        rows = rows[self.recognition.marked(found.flow[rows])]
        if len(rows):
            kept: Rows = opaque_rows(found, rows)
            kept["type"] = self.recognition.medium_codes(found, rows)
            self.opaque.add(kept)


def scan(source: Source, progress: Progress | None = None) -> Scan:
    """Read a whole capture. `progress` is told the number of packets after each block."""
    found = Scan()
    for frames in blocks(source, found.unread):
        found.feed(frames)
        if progress is not None:
            progress(found.packets)
    found.fragments.close()
    return found
