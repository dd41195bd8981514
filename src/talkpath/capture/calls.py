"""Calls and attempts of one capture, as facts (the records of spec/tp-007)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.flows import address
from talkpath.capture.ledger import CARRIER, FIGURE, TAIL
from talkpath.capture.moments import Background, moments
from talkpath.capture.naming import UNKNOWN, totalled
from talkpath.capture.paths import Path, encrypted, path_of, relayed_peer
from talkpath.capture.recognise import Evidence
from talkpath.capture.scan import Scan
from talkpath.capture.streams import stream
from talkpath.capture.talks import Assembly, Talk
from talkpath.measure.call import Attempt, Call, Findings, Flow, Transport
from talkpath.wire.address import Address

LONGEST_SETUP_S = 180.0
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
        self._background = Background(self._scan.activity.cells(), self._scan.begin_s)

    def call(self, talk: Talk) -> Call:
        """The record of a talk."""
        begin, end = talk.span()
        paths = self._paths(talk)
        numbers = {flow: place + 1 for place, flow in enumerate(talk.flows)}
        last = self._last_flow(talk)
        streams = [stream(one.ledger, one.stream, one.heading, one.medium, numbers) for one in talk.pieces]
        said = totalled(self.assembly.known(talk.flows)).get(talk.name.app, Evidence())
        return Call(
            app=talk.name.app,
            app_confidence=round(talk.name.confidence, 2),
            media=tuple(one for one in ("voice", "video") if any(piece.medium == one for piece in talk.media)),
            start_s=round(begin, 6),
            duration_s=round(end - begin, 6),
            setup_s=round(self._setup_s(talk.flows, begin), 6),
            transport=_transport(paths[last]),
            protocol="tcp" if self._table["protocol"][last] == 6 else "udp",
            encrypted=self._encrypted(talk),
            flows=self._flows(talk, paths),
            streams=tuple(sorted(streams, key=lambda one: (one.direction, one.start_s))),
            seconds=moments(talk.media, begin, end, self._background, talk.flows),
            control_end_s=round(float(self._table["last_s"][talk.flows].max()), 6),
            file_end_s=round(self._scan.end_s - self._scan.begin_s, 6),
            closed=bool(said.kinds.get("close")),
        )

    def attempt(self, flows: list[int]) -> Attempt | None:
        """The record of set-up without talk; None where it is too little to tell, as one packet of a flow is."""
        flows = [flow for flow in flows if self._table["packets"][flow].sum() > 1]
        own = self.assembly.name(flows)
        if not own.evidence.kinds.get("setup") or own.confidence < ATTEMPT or own.app in (UNKNOWN, "rtp"):
            return None
        rows, local = self._table[flows], self._where.local[flows]
        every = np.arange(len(flows))
        begin, end = own.evidence.first_s - self._scan.begin_s, float(rows["last_s"].max())
        return Attempt(
            app=own.app,
            app_confidence=round(own.confidence, 2),
            start_s=round(begin, 6),
            end_s=round(end, 6),
            answered=bool(rows["packets"][every, 1 - local].sum() > 0),
            requests=int(rows["requests"][every, local].sum()),
            answers=int(rows["answers"][every, 1 - local].sum()),
            other_packets=self._background.other(flows, begin, end),
        )

    def _paths(self, talk: Talk) -> dict[int, Path | None]:
        known, app = self._scan.recognition.known, talk.name.app
        paths = {flow: path_of(flow, known.get(flow), self._table, self._where, app) for flow in talk.flows}
        if relayed_peer(self.assembly.known(talk.flows)):
            return {flow: "relay" if path == "peer" else path for flow, path in paths.items()}
        return paths

    def _last_flow(self, talk: Talk) -> int:
        """The flow that carried most of the last media."""
        rows = np.concatenate([piece.ledger.tail_of(piece.stream) for piece in talk.media])
        late = rows[np.argsort(rows["time_s"])[-TAIL:]]["flow"]
        return int(np.bincount(late).argmax())

    def _setup_s(self, flows: list[int], begin_s: float) -> float:
        """When the first of the flows began; one that had been there for long (a SIP connection) tells nothing."""
        firsts = self._table["first_s"][flows]
        near = firsts[(firsts >= begin_s - LONGEST_SETUP_S) & (firsts <= begin_s)]
        return float(near.min(initial=begin_s))

    def _encrypted(self, talk: Talk) -> bool | None:
        dtls = bool(self._table["sealed"][talk.flows].any() or self._table["hellos"][talk.flows].any())
        voices = [piece for piece in talk.media if piece.medium == "voice" and piece.ledger.has_header]
        figures = [piece.ledger.figures[piece.stream] for piece in voices]
        return encrypted(talk.name.app, np.array(figures, FIGURE), dtls)

    def _flows(self, talk: Talk, paths: dict[int, Path | None]) -> tuple[Flow, ...]:
        rows, local = self._table[talk.flows], self._where.local[talk.flows]
        every, far = np.arange(len(rows)), 1 - local
        heard = rows["heard_s"][every, far]
        columns = (
            rows["protocol"] == 6,
            rows["packets"][every, local],
            rows["packets"][every, far],
            self._media(talk, "sent"),
            self._media(talk, "received"),
            rows["first_s"],
            rows["last_s"],
            np.where(np.isfinite(heard), heard, np.nan),
            rows["requests"][every, local],
            rows["answers"][every, far],
        )
        values = zip(talk.flows, *(column.tolist() for column in columns), strict=True)
        return tuple(_flow(place + 1, paths[flow] or "peer", *value) for place, (flow, *value) in enumerate(values))

    @staticmethod
    def _media(talk: Talk, heading: str) -> NDArray[np.int64]:
        """Media packets of each flow in one direction."""
        own = [piece.carriers for piece in talk.media if piece.heading == heading]
        every = np.concatenate([np.zeros(0, CARRIER), *own])
        place = np.searchsorted(talk.flows, every["flow"])
        return np.bincount(place, every["rows"], len(talk.flows)).astype(np.int64)


def _flow(
    number: int,
    kind: Path,
    tcp: bool,
    packets_sent: int,
    packets_received: int,
    media_sent: int,
    media_received: int,
    start_s: float,
    end_s: float,
    heard_s: float,
    requests: int,
    answers: int,
) -> Flow:
    return Flow(
        number=number,
        kind=kind,
        protocol="tcp" if tcp else "udp",
        packets_sent=packets_sent,
        packets_received=packets_received,
        media_sent=media_sent,
        media_received=media_received,
        start_s=round(start_s, 6),
        end_s=round(end_s, 6),
        last_received_s=None if np.isnan(heard_s) else round(heard_s, 6),
        requests=requests,
        answers=answers,
    )


def _transport(path: Path | None) -> Transport:
    return "unknown" if path is None else "relay" if path == "relay" else "p2p"
