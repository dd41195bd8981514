"""From a scan to talks: groups of flows, their measured streams, which of them somebody heard or saw.

What is no talk is set-up of one (on sockets of its own), an attempt, or nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Several
from copy import copy
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.calls.app_naming import UNKNOWN, WEAK, Name, by_address, name
from talkpath.capture.calls.stitch import Ends, ends, stitch
from talkpath.capture.packets.flows import address, hosts_of, is_group
from talkpath.capture.packets.rows import stream_key
from talkpath.capture.recognise.app import Evidence, Known
from talkpath.capture.scan import Scan
from talkpath.capture.streams.measurement import Measuring
from talkpath.capture.streams.record import Medium
from talkpath.capture.streams.stream_stats import Ledger, Part
from talkpath.capture.tcp.tls_cadence import Beats, beats
from talkpath.measure.call import Heading
from talkpath.wire.ip.address import Address
from talkpath.wire.pcap.arrays import Bools

TALK_PACKETS, TALK_S = 8, 0.1
SHORT_PACKETS, RING_REPORTS, RING_S = 5, 10, 3.0
"""A talk has eight packets over 0.1 s, or five where both ends had exchanged reports for three seconds before."""
PAUSE_S = 30.0
ABSORB_S = 60.0
JOIN_S = 5.0
STREAMED = (14, 32, 33)
"""MPEG audio, video and transport streams (RFC 3551): no call has these."""
SLOWEST_HZ = 500.0
CLOCKS = ("first_s", "last_s", "began_s", "heard_s")


@dataclass(slots=True)
class Piece:
    """One stream of a call: which stream of which ledger, its direction and medium (None: padding, control). `packets`
    are without duplicates, `begin_s` and `end_s` when the first and the last came."""

    ledger: Ledger
    stream: int
    heading: Heading
    medium: Medium | None
    begin_s: float
    end_s: float
    packets: int
    clock_hz: float

    @property
    def counts(self) -> bool:
        """Can losses be told?"""
        return self.ledger.has_header or self.clock_hz > 0

    @property
    def carriers(self) -> NDArray[np.void]:
        """The flows that carried it, and how many packets each way."""
        return self.ledger.carriers_of(self.stream)


@dataclass(slots=True)
class Setup:
    """A group of flows without talk: its app, its local host, when it began and ended."""

    flows: list[int]
    name: Name
    host: int
    begin_s: float
    end_s: float


@dataclass(slots=True)
class Talk:
    """A call in the making."""

    flows: list[int]
    pieces: list[Piece]
    name: Name
    begin_s: float
    """When the first of its flows began."""

    media: list[Piece] = field(init=False)
    """The pieces that somebody hears or sees."""

    def __post_init__(self) -> None:
        self.media = [piece for piece in self.pieces if piece.medium is not None]

    def span(self) -> tuple[float, float]:
        """First and last media packet."""
        return min(piece.begin_s for piece in self.media), max(piece.end_s for piece in self.media)


class Assembly:
    """A scanned capture taken apart: `talks`, and `others`, groups of flows with set-up but no talk."""

    def __init__(self, scan: Scan) -> None:
        self.scan = scan
        self.table = _from_begin(scan.flows.table[: len(scan.flows)], scan.begin_s)
        self.where: Ends = ends(scan)
        groups = is_group(self.table["high"], self.table["low"])
        self.grouped: Bools = groups[:, 0] | groups[:, 1]
        """Flows to multicast or broadcast addresses."""

        self._group_of = np.full(len(self.table), -1, np.int64)
        self.measuring = Measuring(scan.media, scan.opaque, scan.begin_s, self._group_of, self.where.local)
        self.measuring.beats = beats(scan.opaque) if scan.connections.inside.flows else Beats()
        self._groups, self.measuring.sources = stitch(scan, self.where, self.measuring.beats.begin_s.keys())
        for number, flows in enumerate(self._groups):
            self._group_of[flows] = number
        self._pieces: dict[int, list[Piece]] = {}
        self._names: dict[int, Name] = {}
        self._place(*self.measuring.rtp())
        heard = (number for number, pieces in self._pieces.items() if any(piece.medium for piece in pieces))
        self.measuring.heard = list(heard)
        self._place(*self.measuring.sealed())
        self.talks, self.others = self._sort_out()

    def known(self, flows: list[int]) -> list[Known]:
        """What recognisers said of these flows."""
        return [self.scan.recognition.known[flow] for flow in flows if flow in self.scan.recognition.known]

    def name(self, flows: list[int]) -> Name:
        """The app of these flows."""
        return name(self.known(flows), self.scan.labels.of(flows))

    # ------------------------------------------------------------ streams

    def _place(self, ledger: Ledger, parts: Iterator[Part]) -> None:
        """Measure all streams of a kind and hand them to their groups."""
        for _ in parts:
            pass
        columns = [ledger.figures[name].tolist() for name in ("flow", "way", "begin_s", "end_s", "packets", "clock_hz")]
        keys = _keys(ledger)
        for stream, (flow, way, *figures) in enumerate(zip(*columns, strict=True)):
            group = int(self._group_of[flow])
            if group not in self._names:
                self._names[group] = self.name(self._groups[group])
            heading: Heading = "sent" if way == self.where.local[flow] else "received"
            medium = self._medium(ledger, stream, self._names[group].app, {*keys[ledger.carried(stream)]})
            self._pieces.setdefault(group, []).append(Piece(ledger, stream, heading, medium, *figures))

    def _medium(self, ledger: Ledger, stream: int, app: str, keys: set[int]) -> Medium | None:
        """What the app's recogniser said of the stream; where it said nothing, or the media clock says otherwise, what
        the packets look like."""
        if ledger.is_padding(stream) or (ledger.has_header and ledger.figures["type"][stream] in STREAMED):
            return None
        said = self._said(keys, app)
        if said.hits and not said.kinds.get("media"):
            return None
        if said.media and not ledger.contradicts(stream, said.media["video"] > said.media["voice"]):
            return "video" if said.media["video"] > said.media["voice"] else "voice"
        return "video" if ledger.looks_like_video(stream) else "voice"

    def _said(self, keys: set[int], app: str) -> Evidence:
        total = Evidence()
        for key in keys:
            one = self.scan.recognition.streams.get(key, {}).get(app)
            if one is not None:
                total.take(one)
        return total

    # ------------------------------------------------------------ talks

    def _sort_out(self) -> tuple[list[Talk], list[list[int]]]:
        """Groups with talk, split at long pauses, and groups without."""
        talks: list[Talk] = []
        others: list[Setup] = []
        for number, flows in enumerate(self._groups):
            own, begin_s = self._names.get(number) or self.name(flows), float(self.table["first_s"][flows].min())
            bouts = [Talk(flows, pieces, copy(own), begin_s) for pieces in _bouts(self._pieces.get(number, []))]
            found = [talk for talk in bouts if self._is_talk(talk)]
            talks += found
            if not found:
                host = int(self.where.local_host[flows[0]])
                others.append(Setup(flows, own, host, begin_s, float(self.table["last_s"][flows].max())))
        left = self._left_over(talks, others)
        for talk in talks:
            talk.name = by_address(talk.name, map(self._far_end, talk.flows))
        return talks, self._joined(left)

    def _far_end(self, flow: int) -> Address:
        row, far = self.table[flow], 1 - int(self.where.local[flow])
        return address(int(row["high"][far]), int(row["low"][far]), int(row["port"][far]))

    def _left_over(self, talks: list[Talk], others: list[Setup]) -> list[Setup]:
        """Set-up that belongs to no talk of the same host."""
        by_host: dict[int, list[Talk]] = {}
        for talk in talks:
            by_host.setdefault(int(self.where.local_host[talk.flows[0]]), []).append(talk)
        return [one for one in others if not any(_absorbed(one, talk) for talk in by_host.get(one.host, ()))]

    def _is_talk(self, talk: Talk) -> bool:
        if not talk.media or self._is_streaming(talk):
            return False
        begin, end = talk.span()
        if end - begin < TALK_S:
            return False
        packets = sum(piece.packets for piece in talk.media)
        return packets >= TALK_PACKETS or (packets >= SHORT_PACKETS and self._rang(talk.flows, begin))

    def _rang(self, flows: list[int], begin_s: float) -> bool:
        """Had both ends exchanged reports for a while before?"""
        rows = self.table[flows]
        both = rows["reports"].min(axis=1) >= RING_REPORTS
        return bool(np.any(both & (begin_s - rows["first_s"] >= RING_S)))

    def _is_streaming(self, talk: Talk) -> bool:
        """Streaming: RTSP between the same hosts, a group address, or one way only and nothing that says call: inside
        one network (casting, to a loudspeaker too), or pictures without sound or without reports. A clock that no
        medium has is a game's."""
        rows = self.table[talk.flows]
        streaming = self.scan.connections.streaming
        if streaming and any(hosts_of(row) in streaming for row in rows):
            return True
        if self.grouped[talk.flows].any():
            return True
        if talk.name.app not in (UNKNOWN, "rtp") or talk.name.confidence >= WEAK:
            return False
        clocks = [piece.clock_hz for piece in talk.media if piece.ledger.has_header]
        if max(clocks, default=SLOWEST_HZ) < SLOWEST_HZ:
            return True
        if len({piece.heading for piece in talk.media}) > 1:
            return False
        media = {piece.medium for piece in talk.media}
        if rows["private"].all():
            return True
        return media == {"video"} or ("video" in media and not rows["reports"].min(axis=1).any())

    @staticmethod
    def _joined(others: list[Setup]) -> list[list[int]]:
        """Set-up of one app from one host at the same time is one attempt."""
        latest: dict[tuple[str, int], Setup] = {}
        out: list[Setup] = []
        for one in sorted(others, key=lambda one: one.begin_s):
            earlier = latest.get((one.name.app, one.host))
            if earlier is not None and one.begin_s - earlier.end_s < JOIN_S:
                earlier.flows = earlier.flows + one.flows
                earlier.end_s = max(earlier.end_s, one.end_s)
            else:
                latest[one.name.app, one.host] = one
                out.append(one)
        return [one.flows for one in out]


def _keys(ledger: Ledger) -> list[int]:
    """What recognition knows a stream by in each of the flows that carried it; nothing for streams without a header."""
    own = ledger.carriers if ledger.has_header else ledger.carriers[:0]
    source = ledger.figures["ssrc"][own["stream"]].astype(np.uint64)
    keys: list[int] = stream_key(own["flow"].astype(np.int64), own["way"].astype(np.int8), source).tolist()
    return keys


def _from_begin(table: NDArray[np.void], begin_s: float) -> NDArray[np.void]:
    """Flows with times that count from the earliest packet; most files begin with it."""
    if not begin_s:
        return table
    out = table.copy()
    for column in CLOCKS:
        out[column] -= begin_s
    return out


def _absorbed(setup: Setup, talk: Talk) -> bool:
    """Does this set-up, on sockets of its own, belong to that call? Then it is added, and may name it."""
    begin, end = talk.span()
    if setup.begin_s > end or setup.end_s < min(begin, talk.begin_s) - ABSORB_S:
        return False
    surer = setup.name.confidence > talk.name.confidence
    names_it = talk.name.confidence <= WEAK and surer and setup.begin_s <= begin
    if setup.name.app != talk.name.app and setup.name.confidence > WEAK and not names_it:
        return False
    if names_it:
        talk.name = copy(setup.name)
    elif setup.name.app == talk.name.app:
        talk.name.confidence = max(talk.name.confidence, setup.name.confidence)
    talk.flows = sorted({*talk.flows, *setup.flows})
    talk.begin_s = min(talk.begin_s, setup.begin_s)
    return True


def _bouts(pieces: Several[Piece]) -> list[list[Piece]]:
    """Pieces split where nothing at all was heard for PAUSE_S."""
    out: list[list[Piece]] = []
    reached = -np.inf
    for piece in sorted(pieces, key=lambda piece: piece.begin_s):
        if not out or piece.begin_s > reached + PAUSE_S:
            out.append([])
        out[-1].append(piece)
        reached = max(reached, piece.end_s)
    return out
