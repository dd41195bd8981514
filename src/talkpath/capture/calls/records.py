"""Calls and attempts of one capture, as facts (the records of spec/tp-007)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence as Several
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.calls.app_naming import UNKNOWN
from talkpath.capture.calls.detection import Assembly, Talk
from talkpath.capture.calls.paths import Path, encrypted, path_of, relayed_peer
from talkpath.capture.calls.timeline import Background, moments
from talkpath.capture.packets.flows import address
from talkpath.capture.scan import Scan
from talkpath.capture.streams.record import stream
from talkpath.capture.streams.stream_stats import FIGURE, TAIL
from talkpath.capture.streams.timing import Floats
from talkpath.measure.call import Attempt, Call, Findings, Flow, Transport
from talkpath.wire.ip.address import Address
from talkpath.wire.pcap.arrays import Bools

LONGEST_SETUP_S = 180.0
NO_MEDIA = (0, 0)
ATTEMPT = 0.4
"""Set-up of an app that is less sure than this is not reported."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Facts of a capture, and the talks behind its calls, in the same order, for what needs their packets."""

    findings: Findings
    talks: tuple[Talk, ...]
    assembly: Assembly

    def endpoints(self, call: int) -> tuple[tuple[Address, Address, str], ...]:
        """(local end, far end, "udp" or "tcp") of each flow of a call, in the order of its `flows`."""
        return tuple(self._ends(flow) for flow in self.talks[call].flows)

    def _ends(self, flow: int) -> tuple[Address, Address, str]:
        row, local = self.assembly.table[flow], int(self.assembly.where.local[flow])
        both = [address(*one) for one in zip(*(row[part].tolist() for part in ("high", "low", "port")), strict=True)]
        return both[local], both[1 - local], "tcp" if row["protocol"] == 6 else "udp"


def recorded(scan: Scan) -> Recorded:
    """All calls and attempts of a scanned capture. Times count from its earliest packet."""
    assembly = Assembly(scan)
    records = _Records(assembly)
    talks = tuple(sorted(assembly.talks, key=lambda talk: talk.span()[0]))
    attempts = [one for flows in assembly.others if (one := records.attempt(flows))]
    findings = Findings(
        packets=scan.packets,
        duration_s=scan.end_s - scan.begin_s,
        unread=dict(sorted(scan.unread.items())),
        calls=tuple(records.call(talk) for talk in talks),
        attempts=tuple(sorted(attempts, key=lambda one: one.start_s)),
    )
    return Recorded(findings, talks, assembly)


def findings(scan: Scan) -> Findings:
    """The facts alone."""
    return recorded(scan).findings


class _Records:
    """Writes the records of talks and attempts."""

    def __init__(self, assembly: Assembly) -> None:
        self.assembly, self._scan = assembly, assembly.scan
        self._table, self._where = assembly.table, assembly.where
        flows = sorted({flow for talk in assembly.talks for flow in talk.flows})
        self._rows = _rows_of(flows, self._table, self._where.local)
        self._inside = cast(Bools, self._table["private"].all(axis=1))
        self._backgrounds: dict[bool, Background] = {}
        self._begun_s, self._lived_s = self._lives()

    def call(self, talk: Talk) -> Call:
        """The record of a talk."""
        begin, end = talk.span()
        paths = self._paths(talk)
        numbers = {flow: place + 1 for place, flow in enumerate(talk.flows)}
        last = self._last_flow(talk)
        streams = [stream(one.ledger, one.stream, one.heading, one.medium, numbers) for one in talk.pieces]
        return Call(
            app=talk.name.app,
            app_confidence=round(talk.name.confidence, 2),
            media=tuple(one for one in ("voice", "video") if any(piece.medium == one for piece in talk.media)),
            start_s=round(begin, 6),
            duration_s=round(end - begin, 6),
            setup_s=round(self._setup_s(talk.flows, begin), 6),
            transport=_transport(paths[last]),
            protocol="tcp" if self._rows[last].tcp else "udp",
            encrypted=self._encrypted(talk),
            flows=self._flows(talk, paths),
            streams=tuple(sorted(streams, key=lambda one: (one.direction, one.start_s))),
            seconds=moments(talk.media, begin, end, self._background(talk.flows), talk.flows),
            control_end_s=round(max(self._rows[flow].end_s for flow in talk.flows), 6),
            file_end_s=round(self._scan.end_s - self._scan.begin_s, 6),
            closed=self._closed(talk),
        )

    def _background(self, flows: list[int]) -> Background:
        """What else came meanwhile, from as far as these flows go."""
        inside = bool(self._inside[flows].all())
        if inside not in self._backgrounds:
            grouped, scan = self.assembly.grouped, self._scan
            cells = scan.activity.came(self._where.local, self._inside, grouped, inside=inside)
            self._backgrounds[inside] = Background(cells, scan.begin_s)
        return self._backgrounds[inside]

    def _closed(self, talk: Talk) -> bool:
        """Did the app say good-bye?"""
        said = (known.evidence.get(talk.name.app) for known in self.assembly.known(talk.flows))
        return any(one is not None and one.kinds.get("close") for one in said)

    def attempt(self, flows: list[int]) -> Attempt | None:
        """The record of set-up without talk; None where it is too little to tell, as one packet of a flow is."""
        every_flow, flows = flows, [flow for flow in flows if self._table["packets"][flow].sum() > 1]
        own = self.assembly.name(flows)
        if not own.evidence.kinds.get("setup") or own.confidence < ATTEMPT or own.app in (UNKNOWN, "rtp"):
            return None
        rows, local = self._table[flows], self._where.local[flows]
        every = np.arange(len(flows))
        begin, end = own.evidence.first_s - self._scan.begin_s, float(rows["last_s"].max())
        answered = bool(rows["packets"][every, 1 - local].sum() > 0)
        return Attempt(
            app=own.app,
            app_confidence=round(own.confidence, 2),
            start_s=round(begin, 6),
            end_s=round(end, 6),
            answered=answered,
            requests=int(rows["requests"][every, local].sum()),
            answers=int(rows["answers"][every, 1 - local].sum()),
            other_packets=self._background(flows).other(every_flow, begin, end),
            others_answered=not answered and self._anything_answered(begin, end),
        )

    def _anything_answered(self, begin_s: float, end_s: float) -> bool:
        """Was any set-up answered meanwhile, or did a call go on?"""
        begun = int(np.searchsorted(self._begun_s, end_s, "right"))
        return begun > 0 and bool(self._lived_s[begun - 1] >= begin_s)

    def _lives(self) -> tuple[Floats, Floats]:
        """Of calls, and of flows whose set-up was answered: when each began, in order, and when the last of those begun
        so far ended."""
        table, spans = self._table, [talk.span() for talk in self.assembly.talks]
        answered = table[table["answers"][np.arange(len(table)), 1 - self._where.local] > 0]
        lives = np.concatenate([np.array(spans).reshape(-1, 2), np.stack([answered["first_s"], answered["last_s"]], 1)])
        lives = lives[np.argsort(lives[:, 0])]
        return lives[:, 0], np.maximum.accumulate(lives[:, 1])

    def _paths(self, talk: Talk) -> dict[int, Path | None]:
        known, app = self._scan.recognition.known, talk.name.app
        paths = {flow: path_of(flow, known.get(flow), self._table, self._where, app) for flow in talk.flows}
        if relayed_peer(self.assembly.known(talk.flows)):
            return {flow: "relay" if path == "peer" else path for flow, path in paths.items()}
        return paths

    def _last_flow(self, talk: Talk) -> int:
        """The flow that carried most of the last media."""
        carriers: set[int] = {flow for piece in talk.media for flow in piece.carriers["flow"].tolist()}
        if len(carriers) == 1:
            return carriers.pop()
        rows = np.concatenate([piece.ledger.tail_of(piece.stream) for piece in talk.media])
        late = rows[np.argsort(rows["time_s"])[-TAIL:]]["flow"]
        return int(np.bincount(late).argmax())

    def _setup_s(self, flows: list[int], begin_s: float) -> float:
        """When the first of the flows began; one that had been there for long (a SIP connection) tells nothing."""
        firsts = (self._rows[flow].start_s for flow in flows)
        return min((one for one in firsts if begin_s - LONGEST_SETUP_S <= one <= begin_s), default=begin_s)

    def _encrypted(self, talk: Talk) -> bool | None:
        dtls = any(self._rows[flow].sealed for flow in talk.flows)
        voices = [piece for piece in talk.media if piece.medium == "voice" and piece.ledger.has_header and not dtls]
        figures = [piece.ledger.figures[piece.stream] for piece in voices]
        return encrypted(talk.name.app, np.array(figures, FIGURE), dtls)

    def _flows(self, talk: Talk, paths: dict[int, Path | None]) -> tuple[Flow, ...]:
        media = self._media(talk)
        return tuple(
            _flow(place + 1, paths[flow] or "peer", media.get(flow, NO_MEDIA), self._rows[flow])
            for place, flow in enumerate(talk.flows)
        )

    @staticmethod
    def _media(talk: Talk) -> dict[int, Several[int]]:
        """Media packets of each flow, sent and received."""
        found: dict[int, list[int]] = defaultdict(lambda: [0, 0])
        for piece in talk.media:
            for _, flow, _, rows in piece.carriers.tolist():
                found[flow][piece.heading == "received"] += rows
        return dict(found)


class _Row(NamedTuple):
    """What a record tells of a flow."""

    tcp: bool
    packets_sent: int
    packets_received: int
    start_s: float
    end_s: float
    heard_s: float
    requests: int
    answers: int
    sealed: bool


def _rows_of(flows: list[int], table: NDArray[np.void], ends: NDArray[np.int8]) -> dict[int, _Row]:
    """The rows of these flows, all read at once."""
    rows, local, every = table[flows], ends[flows], np.arange(len(flows))
    columns = (
        rows["protocol"] == 6,
        rows["packets"][every, local],
        rows["packets"][every, 1 - local],
        rows["first_s"],
        rows["last_s"],
        rows["heard_s"][every, 1 - local],
        rows["requests"][every, local],
        rows["answers"][every, 1 - local],
        rows["sealed"].any(axis=1) | rows["hellos"].any(axis=1),
    )
    values = zip(*(column.tolist() for column in columns), strict=True)
    return {flow: _Row(*row) for flow, row in zip(flows, values, strict=True)}


def _flow(number: int, kind: Path, media: Several[int], row: _Row) -> Flow:
    return Flow(
        number=number,
        kind=kind,
        protocol="tcp" if row.tcp else "udp",
        packets_sent=row.packets_sent,
        packets_received=row.packets_received,
        media_sent=media[0],
        media_received=media[1],
        start_s=round(row.start_s, 6),
        end_s=round(row.end_s, 6),
        last_received_s=round(row.heard_s, 6) if isfinite(row.heard_s) else None,
        requests=row.requests,
        answers=row.answers,
    )


def _transport(path: Path | None) -> Transport:
    return "unknown" if path is None else "relay" if path == "relay" else "p2p"
