"""Asks the app files whose datagrams these are, about those that `sift` chose, and keeps what they say.

Evidence is kept for each flow and each stream; flows whose media has no readable header are marked, so that `scan`
keeps their packets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

import numpy as np

from talkpath.apps import app_modules
from talkpath.apps.contract.cue import KINDS, Cue
from talkpath.apps.contract.flow_view import FlowView, Hit
from talkpath.capture.packets.datagrams import DTLS, OTHER, RTCP, RTP, STUN, TURN, Datagrams
from talkpath.capture.packets.flows import Flows
from talkpath.capture.packets.rows import MEDIA, NONE, VIDEO, VOICE
from talkpath.capture.recognise.sampling import Sift
from talkpath.errors import WireError
from talkpath.wire.pcap.arrays import Bools, Ints, among
from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import Attribute

Recogniser = Callable[[bytes, FlowView], Hit | None]

SURE, SURE_HITS, CERTAIN, SETTLED = 0.9, 2, 0.95, 6
"""A flow is asked of one app file only after that many hits so sure; a certain hit ends the round of questions; after
SETTLED of STUN only those are asked that knew some."""
ASK_FLOW = 32
KIND_NAMES = {STUN: "stun", DTLS: "dtls", RTP: "rtp", RTCP: "rtcp", OTHER: "other"}
PERMISSION = "stun.permission"
NAMES = {
    0x0001: "stun.binding",
    0x0003: "stun.allocate",
    0x0008: PERMISSION,
    0x0009: "stun.channel",
    0x0004: "stun.refresh",
    0x0101: "stun.binding_response",
    0x0103: "stun.allocate_response",
    0x0113: "stun.allocate_error",
}


@dataclass(slots=True)
class Evidence:
    """What one app's recogniser said of one flow or stream: how often, how surely, and of what kind."""

    hits: int = 0
    confidence: float = 0.0
    kinds: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    media: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    first_s: float = float("inf")
    last_s: float = float("-inf")

    def add(self, hit: Hit, at_s: float) -> None:
        """One more datagram recognised."""
        self.hits += 1
        self.kinds[hit.kind] += 1
        if hit.medium:
            self.media[hit.medium] += 1
        if hit.confidence > self.confidence:
            self.confidence = hit.confidence
        if at_s < self.first_s:
            self.first_s = at_s
        if at_s > self.last_s:
            self.last_s = at_s

    def take(self, other: Evidence) -> None:
        """All that another says."""
        self.hits += other.hits
        self.confidence = max(self.confidence, other.confidence)
        for kind, times in other.kinds.items():
            self.kinds[kind] += times
        for medium, times in other.media.items():
            self.media[medium] += times
        self.first_s, self.last_s = min(self.first_s, other.first_s), max(self.last_s, other.last_s)


@dataclass(slots=True)
class Known:
    """What is known of one flow: the view that recognisers get, its local end (0 or 1, a first guess), their memories,
    their evidence. `names` are the app files that knew some of it, `sure` the one that needs no second opinion;
    `asked` counts what was no STUN, DTLS or RTP, `checks` STUN."""

    view: FlowView
    local: int
    notes: dict[str, dict[str, object]] = field(default_factory=dict)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    stitches: set[bytes] = field(default_factory=set)
    setups: set[str] = field(default_factory=set)
    peers: set[tuple[bytes, bytes]] = field(default_factory=set)
    """Where a permission was asked for at a TURN server: addresses and ports as they stand in the message."""
    names: list[str] = field(default_factory=list)
    asked: int = 0
    checks: int = 0
    sure: str = ""


def recognisers() -> dict[str, Recogniser]:
    """All app files' recognisers, by the id of the app."""
    return {name: module.recognise for name, module in app_modules().items()}


def _asked_about(kind: str) -> list[str]:
    """The apps whose recogniser may know datagrams of a kind."""
    return [name for name, module in app_modules().items() if kind in getattr(module, "SEES", KINDS)]


def cues() -> list[tuple[str, Cue]]:
    """(app, cue) for all cues."""
    return [(name, cue) for name, module in app_modules().items() for cue in getattr(module, "CUES", ())]


def wrappings() -> list[Cue]:
    """All wrappings that the app files declare."""
    return [cue for module in app_modules().values() for cue in getattr(module, "WRAPPINGS", ())]


class Recognition:
    """Everything that the recognisers said so far, by flow and by stream."""

    def __init__(self, flows: Flows) -> None:
        self._flows = flows
        self._recognisers = recognisers()
        self._sift = Sift(flows, cues())
        self._order = {kind: _asked_about(name) for kind, name in KIND_NAMES.items()}
        self._successes: dict[str, int] = defaultdict(int)
        self.known: dict[int, Known] = {}
        self.streams: dict[int, dict[str, Evidence]] = {}
        self.opaque: dict[int, str] = {}
        """Ends of flows whose media has no header that could be read, and the app file that can tell it."""
        self._setups: dict[int, str] = {}
        self._memories: dict[int, dict[str, object]] = {}

    def feed(self, batches: Sequence[Datagrams]) -> None:
        """Look at the datagrams of one block, in the order of time."""
        chosen = [(found, self._sift.choose(found)) for found in batches]
        asked = [self._asked(found, choice.rows) for found, choice in chosen]
        queue = [
            (at_s, number, place, stream, choice.only.get(row))
            for number, (one, (_, choice)) in enumerate(zip(asked, chosen, strict=True))
            for place, (at_s, stream, row) in enumerate(
                zip(one.time_s, choice.stream.tolist(), choice.rows.tolist(), strict=True)
            )
        ]
        for _, number, place, stream, only in sorted(queue, key=itemgetter(0, 1, 2)):
            self._ask(asked[number], place, stream, only)
        for names in self._order.values():
            names.sort(key=lambda name: -self._successes[name])

    def _asked(self, found: Datagrams, rows: Ints) -> _Asked:
        flows = found.flow[rows]
        return _Asked.of(found, rows, self._flows.local_ends(flows), self._flows.table["quic"][flows])

    def marked(self, flow: Ints) -> Bools:
        """Which of these packets belong to flows with an end whose media has no readable header."""
        if not self.opaque:
            return np.zeros(len(flow), np.bool_)
        present = np.flatnonzero(np.bincount(flow))
        marks = np.sort(np.array(list(self.opaque), np.uint64))
        marked = np.zeros(len(self._flows), np.bool_)
        marked[present] = among(self._flows.table["end"][present].ravel(), marks).reshape(-1, 2).any(axis=1)
        found: Bools = marked[flow]
        return found

    def medium_codes(self, found: Datagrams, rows: Ints) -> list[int]:
        """For datagrams of marked flows without a readable header: a code of `rows`."""
        asked = self._asked(found, rows)
        return [self._medium_code(asked, place) for place in range(len(rows))]

    def _medium_code(self, asked: _Asked, place: int) -> int:
        known = self._known(asked, place)
        one, other = self._flows.table["end"][asked.flow[place]].tolist()
        name = self.opaque.get(one) or self.opaque[other]
        self._look(known, asked, place)
        known.view.notes = known.notes.setdefault(name, {})
        hit = self._recognisers[name](asked.payload(place), known.view)
        if hit is None or hit.kind != "media":
            return NONE
        return {"voice": VOICE, "video": VIDEO}.get(hit.medium or "", MEDIA)

    def _ask(self, asked: _Asked, place: int, stream: int, only: set[str] | None) -> None:
        known = self._known(asked, place)
        kind = asked.kind[place]
        if kind in (OTHER, RTCP):
            known.asked += 1
            if known.sure or known.asked > ASK_FLOW:
                return
        payload = asked.payload(place)
        self._look(known, asked, place)
        view, notes, recognisers = known.view, known.notes, self._recognisers
        for name in only or self._names(known, kind):
            own = notes.get(name)
            if own is None:
                own = notes[name] = {}
            view.notes = own
            hit = recognisers[name](payload, view)
            if hit is not None:
                self._note(known, name, hit, kind, asked.time_s[place], stream)
                if hit.confidence >= CERTAIN:
                    break
        self._follow(known, kind, payload)

    def _names(self, known: Known, kind: int) -> Sequence[str]:
        """The app files to ask."""
        if known.sure:
            return (known.sure,)
        if kind == STUN:
            known.checks += 1
            if known.checks > SETTLED and known.names:
                return known.names
        return self._order[kind]

    def _look(self, known: Known, asked: _Asked, place: int) -> None:
        """Point the flow's view at a datagram."""
        view = known.view
        view.direction = "up" if known.local == asked.way[place] else "down"
        view.inner = "turn" if asked.outer[place] == TURN else "tcp" if asked.tcp else "udp"
        if not view.setup and asked.quic[place]:
            view.setup = "quic"
        elif not view.setup and self._setups:
            view.setup = self._inherited(view.number)

    def _inherited(self, flow: int) -> str:
        """The set-up of a flow that had none: what a flow at the same socket had."""
        one, other = self._flows.table["end"][flow].tolist()
        return self._setups.get(one) or self._setups.get(other, "")

    def _follow(self, known: Known, kind: int, payload: bytes) -> None:
        """Keep track of the set-up for the recognisers that come after."""
        view = known.view
        view.packets += 1
        if kind == STUN:
            view.setup = NAMES.get(int.from_bytes(payload[:2], "big"), view.setup)
            known.setups.add(view.setup)
            if view.setup == PERMISSION:
                known.peers.update(_peers(payload))
        elif kind == DTLS:
            view.setup = "dtls.client_hello" if payload[13:14] == b"\x01" else "dtls.server_hello"

    def _note(self, known: Known, name: str, hit: Hit, kind: int, at_s: float, stream: int) -> None:
        evidence = _evidence(known.evidence, hit.app)
        evidence.add(hit, at_s)
        if name not in known.names:
            known.names.append(name)
            self._flows.table["hot"][known.view.number] = True
        if hit.stitch is not None:
            known.stitches.add(hit.stitch)
        if stream:
            of_stream = self.streams.get(stream)
            if of_stream is None:
                of_stream = self.streams[stream] = {}
            _evidence(of_stream, hit.app).add(hit, at_s)
        if hit.confidence >= CERTAIN:
            self._successes[name] += 1
        if hit.confidence >= SURE and evidence.hits >= SURE_HITS:
            known.sure = name
        own = known.view.setup.startswith(f"{hit.app}.")
        if own or (hit.kind == "media" and kind == OTHER):
            self._mark(known.view, name, own)

    def _mark(self, view: FlowView, name: str, own: bool) -> None:
        """Media at these two sockets may have no readable header; the app's own set-up counts for both."""
        for end in self._flows.table["end"][view.number].tolist():
            self.opaque.setdefault(end, name)
            if own:
                self._setups[end] = view.setup
            else:
                self._memories[end] = view.notes

    def _known(self, asked: _Asked, place: int) -> Known:
        flow = asked.flow[place]
        known = self.known.get(flow)
        if known is None:
            known = self.known[flow] = Known(FlowView(number=flow), asked.local[place])
            if self._memories:
                self._remind(known)
        return known

    def _remind(self, known: Known) -> None:
        """A flow at the local socket of one whose media has no readable header may be the same call on another path."""
        end = int(self._flows.table["end"][known.view.number, known.local])
        if end in self._memories:
            known.notes[self.opaque[end]] = dict(self._memories[end])


@dataclass(slots=True)
class _Asked:
    """The columns of some datagrams as lists, which are faster one by one."""

    data: memoryview
    tcp: bool
    flow: list[int]
    local: list[int]
    quic: list[int]
    way: list[int]
    kind: list[int]
    outer: list[int]
    time_s: list[float]
    begin: list[int]
    captured: list[int]
    size: list[int]

    @classmethod
    def of(cls, found: Datagrams, rows: Ints, local: Ints, quic: Ints) -> _Asked:
        """Those rows; their flows' local ends, and how much QUIC they had.

        A datagram is taken as the app wrote it: inside TURN, but with the app's own wrapping.
        """
        inside = found.outer[rows] == TURN
        begin = np.where(inside, found.at[rows], found.outer_at[rows])
        size = np.where(inside, found.size[rows], found.outer_size[rows])
        captured = np.minimum(found.captured[rows] + found.at[rows] - begin, size)
        return cls(
            data=found.data.data,
            tcp=found.tcp,
            flow=found.flow[rows].tolist(),
            local=local.tolist(),
            quic=quic.tolist(),
            way=found.way[rows].tolist(),
            kind=found.kind[rows].tolist(),
            outer=found.outer[rows].tolist(),
            time_s=found.time_s[rows].tolist(),
            begin=begin.tolist(),
            captured=captured.tolist(),
            size=size.tolist(),
        )

    def payload(self, place: int) -> bytes:
        """One datagram, padded with zeros where the capture cut it."""
        begin, captured = self.begin[place], self.captured[place]
        return self.data[begin : begin + captured].tobytes() + bytes(self.size[place] - captured)


def _evidence(of: dict[str, Evidence], app: str) -> Evidence:
    found = of.get(app)
    if found is None:
        found = of[app] = Evidence()
    return found


def _peers(message: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(address, port) of each XOR-PEER-ADDRESS, as they stand in the message."""
    try:
        attributes = stun.decode(message).attributes
    except WireError:
        return
    for kind, value in attributes:
        if kind == Attribute.XOR_PEER_ADDRESS and len(value) >= 8:
            yield value[4:], value[2:4]
