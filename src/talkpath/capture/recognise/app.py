"""Asks the app files about the datagrams that `sampling` chose, and keeps what they answer.

Evidence is kept for each flow and each stream; flows whose media has no readable header are marked, so that `scan`
keeps their packets.

The datagrams of one batch that recognisers are asked about, as lists: faster one by one than arrays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from talkpath.apps.contract.flow_view import FlowView, RecognisedDatagram
from talkpath.capture.packets.datagrams import DTLS, OTHER, RTCP, RTP, STUN, TURN, Datagrams
from talkpath.capture.packets.flows import Directions, Flows
from talkpath.capture.packets.local_host import first_guess
from talkpath.capture.packets.rows import MEDIA, NONE, UNTOLD_FLAG, VIDEO, VOICE, Rows
from talkpath.capture.recognise.app_files import app_byte_hints, app_recognisers, apps_asked_about
from talkpath.capture.recognise.evidence import AppEvidence, KnownFlow
from talkpath.capture.recognise.sampling import Sampler
from talkpath.wire.pcap import Unread
from talkpath.wire.pcap.arrays import Bools, Ints, Words, is_among, records_at
from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import Attribute


@dataclass(slots=True)
class AskedDatagrams:
    """The columns of some datagrams as lists."""

    data: memoryview
    tcp: bool
    flow: list[int]
    ends: list[list[int]]
    local: list[int]
    quic: list[int]
    direction: list[int]
    kind: list[int]
    outer: list[int]
    time_s: list[float]
    begin: list[int]
    captured: list[int]
    size: list[int]
    wrapped: list[int]
    """How many bytes of the app's own wrapping come first."""

    @classmethod
    def of(cls, batch: Datagrams, rows: Ints, ends: Words, local: Directions, quic: Ints) -> AskedDatagrams:
        """Take these rows, given their flows' ends, which of these is local, and QUIC packets.

        A datagram is taken as the app wrote it: without TURN, but with the app's own wrapping.
        """
        inside = batch.outer[rows] == TURN
        begin = np.where(inside, batch.at[rows], batch.outer_at[rows])
        size = np.where(inside, batch.size[rows], batch.outer_size[rows])
        captured = np.minimum(batch.captured[rows] + batch.at[rows] - begin, size)
        return cls(
            data=batch.data.data,
            tcp=batch.tcp,
            flow=batch.flow[rows].tolist(),
            ends=ends.tolist(),
            local=local.tolist(),
            quic=quic.tolist(),
            direction=batch.direction[rows].tolist(),
            kind=batch.kind[rows].tolist(),
            outer=batch.outer[rows].tolist(),
            time_s=batch.time_s[rows].tolist(),
            begin=begin.tolist(),
            captured=captured.tolist(),
            size=size.tolist(),
            wrapped=(batch.at[rows] - begin).tolist(),
        )

    def payload(self, place: int) -> bytes:
        """Return one datagram, padded with zeros where the capture cut it."""
        begin, captured = self.begin[place], self.captured[place]
        return self.data[begin : begin + captured].tobytes() + bytes(self.size[place] - captured)


CERTAIN_CONFIDENCE, MAX_ASKED_CHECKS = 0.95, 6
"""Once the features of an app in a flow make it CERTAIN, only that app file is asked about the flow; after SETTLED STUN
messages only app files that recognised some are asked."""
MAX_ASKED_PER_FLOW = 32
MAX_KNOWN_FLOWS, MAX_KNOWN_STREAMS = 1 << 16, 1 << 16
"""So many flows and streams are known at once, some 2 KB each."""
FORGET_SHARE = 8
MOST_SESSIONS = 8
"""So many ICE sessions of one flow are noted."""
KIND_NAMES = {STUN: "stun", DTLS: "dtls", RTP: "rtp", RTCP: "rtcp", OTHER: "other"}
SETUP_NAMES = {
    0x0001: "stun.binding",
    0x0003: "stun.allocate",
    0x0008: "stun.permission",
    0x0009: "stun.channel",
    0x0004: "stun.refresh",
    0x0101: "stun.binding_response",
    0x0103: "stun.allocate_response",
    0x0113: "stun.allocate_error",
}


class Recognition:
    """Everything that the recognisers have answered, by flow and by stream."""

    def __init__(self, flows: Flows, unread: Unread) -> None:
        self._flows, self._unread = flows, unread
        self._room, self._refused = MAX_KNOWN_FLOWS // 2, 0
        self._recognisers = app_recognisers()
        self._sampler = Sampler(flows, app_byte_hints())
        self._order = {kind: apps_asked_about(name) for kind, name in KIND_NAMES.items()}
        self._begin = {kind: frozenset(apps_asked_about(name, begin=True)) for kind, name in KIND_NAMES.items()}
        self._successes: dict[str, int] = defaultdict(int)
        self.known: dict[int, KnownFlow] = {}
        self.streams: dict[int, defaultdict[str, AppEvidence]] = {}
        self.headerless_ends: dict[int, str] = {}
        """Ends of flows whose media has no readable header, and the app file that recognises it."""
        self._setups: dict[int, str] = {}
        self._memories: dict[int, dict[str, object]] = {}

    def feed(self, batches: Sequence[Datagrams], media: Sequence[Rows]) -> None:
        """Look at the datagrams of one block, in the order of time. `media`: the rows of those that look like RTP."""
        samples = [self._sampler.choose(batch, rows) for batch, rows in zip(batches, media, strict=True)]
        asked = [self._asked(batch, sample.rows) for batch, sample in zip(batches, samples, strict=True)]
        queue = []
        for number, (datagrams, sample) in enumerate(zip(asked, samples, strict=True)):
            columns = zip(
                datagrams.time_s, range(len(sample.rows)), sample.stream.tolist(), sample.rows.tolist(), strict=True
            )
            queue += [(at_s, number, place, key, sample.hinted.get(row, ())) for at_s, place, key, row in columns]
        for _, number, place, stream, hinted in sorted(queue, key=itemgetter(0, 1, 2)):
            self._ask(asked[number], place, stream, hinted)
        for names in self._order.values():
            names.sort(key=lambda name: -self._successes[name])

    def _asked(self, batch: Datagrams, rows: Ints) -> AskedDatagrams:
        flows = records_at(self._flows.table, batch.flow[rows])
        local = first_guess(flows, bool(self._flows.link_directions.min()))
        return AskedDatagrams.of(batch, rows, flows["end"], local, flows["quic"])

    def marked(self, flow: Ints) -> Bools:
        """Tell which of these packets belong to flows with an end whose media has no readable header."""
        if not self.headerless_ends:
            return np.zeros(len(flow), np.bool_)
        present = np.flatnonzero(np.bincount(flow))
        marks = np.sort(np.array(list(self.headerless_ends), np.uint64))
        marked = np.zeros(len(self._flows), np.bool_)
        marked[present] = is_among(self._flows.table["end"][present].ravel(), marks).reshape(-1, 2).any(axis=1)
        return marked[flow]

    def medium_codes(self, batch: Datagrams, rows: Ints) -> list[int]:
        """Return what datagrams of marked flows are, as a code of `rows` each."""
        asked = self._asked(batch, rows)
        return [self._medium_code(asked, place) for place in range(len(rows))]

    def _medium_code(self, asked: AskedDatagrams, place: int) -> int:
        known = self._known(asked, place)
        if known is None:
            return NONE
        first, second = asked.ends[place]
        name = self.headerless_ends.get(first) or self.headerless_ends[second]
        self._look(known, asked, place)
        known.view.notes = known.notes.setdefault(name, {})
        hit = self._recognisers[name](asked.payload(place), known.view)
        if hit is None or hit.kind not in ("media", "untold"):
            return NONE
        return {"voice": VOICE, "video": VIDEO}.get(hit.medium or "", MEDIA) | UNTOLD_FLAG * (hit.kind == "untold")

    def _ask(self, asked: AskedDatagrams, place: int, stream: int, hinted: Collection[str]) -> None:
        known = self._known(asked, place)
        if known is None:
            return
        kind = asked.kind[place]
        if kind in (OTHER, RTCP):
            known.asked += 1
            if known.sure or known.asked > MAX_ASKED_PER_FLOW:
                return
        payload = asked.payload(place)
        self._look(known, asked, place)
        view, notes, recognisers, begin = known.view, known.notes, self._recognisers, self._begin[kind]
        for name in self._names(known, kind):
            if name not in notes and name not in begin and name not in hinted:
                continue
            view.notes = own = notes.get(name) or {}
            hit = recognisers[name](payload, view)
            if own or hit is not None:  # most have nothing to note of most flows
                notes[name] = own
            if hit is not None:
                self._note(known, name, hit, kind, asked.time_s[place], stream)
                if known.sure:
                    break
        self._follow(known, kind, payload[asked.wrapped[place] :])

    def _names(self, known: KnownFlow, kind: int) -> Sequence[str]:
        """Return the app files to ask."""
        if known.sure:
            return (known.sure,)
        if kind == STUN:
            known.checks += 1
            if known.checks > MAX_ASKED_CHECKS and known.names:
                return known.names
        return self._order[kind]

    def _look(self, known: KnownFlow, asked: AskedDatagrams, place: int) -> None:
        """Set the flow's view for a datagram."""
        view = known.view
        view.direction = "up" if known.local == asked.direction[place] else "down"
        view.captured = asked.captured[place]
        view.inner = "turn" if asked.outer[place] == TURN else "tcp" if asked.tcp else "udp"
        if not view.setup and asked.quic[place]:
            view.setup = "quic"
        elif not view.setup and self._setups:  # that of a flow at the same socket
            first, second = asked.ends[place]
            view.setup = self._setups.get(first) or self._setups.get(second, "")

    def _follow(self, known: KnownFlow, kind: int, payload: bytes) -> None:
        """Note the set-up message in the view, for what recognisers are asked later."""
        view = known.view
        view.packets += 1
        if kind == STUN:
            view.setup = SETUP_NAMES.get(int.from_bytes(payload[:2], "big"), view.setup)
            known.setups |= {view.setup}
            if payload[:2] in (b"\x00\x01", b"\x00\x08"):
                _read_names(known, payload)
        elif kind == DTLS and payload[:1] == b"\x16":  # a handshake
            view.setup = "dtls.client_hello" if payload[13:14] == b"\x01" else "dtls.server_hello"

    def _note(self, known: KnownFlow, name: str, hit: RecognisedDatagram, kind: int, at_s: float, stream: int) -> None:
        evidence = known.evidence[hit.app]
        evidence.add(hit, at_s)
        if name not in known.names:
            known.names.append(name)
            self._flows.table["hot"][known.view.number] = True
        if hit.stitch is not None and hit.stitch not in known.stitches:
            known.stitches |= {hit.stitch}
        if stream:
            self._note_stream(stream, hit, at_s)
        if evidence.confidence >= CERTAIN_CONFIDENCE:
            self._successes[name] += 1
            known.sure = name
        own = known.view.setup.startswith(f"{hit.app}.")
        marks = own or (hit.kind == "media" and kind == OTHER)
        for end in self._flows.table["end"][known.view.number].tolist() if marks else ():
            self.headerless_ends.setdefault(end, name)  # both sockets: their media may have no readable header
            if own:
                self._setups[end] = known.view.setup  # the app's own set-up counts for both
            else:
                self._memories[end] = known.view.notes

    def _note_stream(self, stream: int, hit: RecognisedDatagram, at_s: float) -> None:
        of_stream = self.streams.get(stream)
        if of_stream is None:
            if len(self.streams) >= MAX_KNOWN_STREAMS:
                self._unread.note("RTP packet not recognised: too many streams in the file")
                return
            of_stream = self.streams[stream] = defaultdict(AppEvidence)
        of_stream[hit.app].add(hit, at_s)

    def _known(self, asked: AskedDatagrams, place: int) -> KnownFlow | None:
        """Return what is known of a datagram's flow; None for a new flow where there are too many."""
        flow = asked.flow[place]
        known = self.known.get(flow)
        if known is not None:
            return known
        if len(self.known) >= self._room:
            self._refused -= 1
            if self._refused < 0:
                self._forget()
            if len(self.known) >= MAX_KNOWN_FLOWS:
                self._unread.note("packet not recognised: too many flows in the file")
                return None
        known = self.known[flow] = KnownFlow(FlowView(number=flow), asked.local[place])
        end = asked.ends[place][known.local]
        if end in self._memories:  # without a readable header it may be the same call on another path
            known.notes[self.headerless_ends[end]] = dict(self._memories[end])
        return known

    def _forget(self) -> None:
        """Forget the flows in which no app was recognised, so that memory is bounded; not again before many more flows
        asked for a place, since it looks at all."""
        self._refused = MAX_KNOWN_FLOWS // FORGET_SHARE
        self.known = {flow: known for flow, known in self.known.items() if known.names}
        self._room = min(max(2 * len(self.known), MAX_KNOWN_FLOWS // 2), MAX_KNOWN_FLOWS)


def _read_names(known: KnownFlow, message: bytes) -> None:
    """Note the peers that a permission is asked for, and the two names of a check's ICE session."""
    decoded = stun.read_message(message)
    if decoded is None:
        return
    is_check = decoded.type == stun.Type.BINDING_REQUEST
    for kind, value in decoded.attributes:
        if kind == Attribute.XOR_PEER_ADDRESS and len(value) >= 8:
            known.peers |= {(value[4:], value[2:4])}
        if is_check and kind == Attribute.USERNAME and value.count(b":") == 1 and len(known.sessions) < MOST_SESSIONS:
            asked, own = value.split(b":")
            known.sessions |= {(min(asked, own), max(asked, own))}
            if asked != own:
                sender = known.local if known.view.direction == "up" else 1 - known.local
                known.end_names |= {(own, sender), (asked, 1 - sender)}
