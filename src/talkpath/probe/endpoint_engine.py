"""Decides what to ask the apps' own servers, and when: one request each that anybody may send, beside neutral servers.

An engine: no socket, no clock. `poll` gives the requests that are due, `answered` takes the outcome of one. Outcomes
are kept in `exchanges`, without any address. Names come first (from the system's resolver and from one other); then
every server is asked once, in small batches of one kind with one neutral server each, in random order. What was not
answered is asked again beside fresh neutral servers, at most twice, GAP_S later; where the neutral server failed too,
the rest of its batch is asked again as well. A host that answered one of two ClientHellos each time and the other never
is asked with both, up to HELLO_ROUNDS times: an overloaded host answers now one, now the other. Where it is the longer
one that dies, a browser's, a third that is as long stands beside them (PADDED). Where a host completes no TLS
handshake, its name is said to neutral servers, and theirs to it (`name_contrast`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import NamedTuple

from talkpath.errors import WireError
from talkpath.experiment.flight import NEVER
from talkpath.measure.facts import Exchange
from talkpath.probe.endpoint_catalogue import ChosenEndpoints, EndpointRow
from talkpath.probe.name_contrast import NAME_KIND, name_cells
from talkpath.verdict.bases.endpoints import GREETED, OTHER, SYSTEM
from talkpath.wire.ip import dns
from talkpath.wire.ip.address import Address
from talkpath.wire.rtc import stun
from talkpath.wire.tls import HelloStyle, client_hello, is_answer

ROUNDS = 3  # what an accusation needs (docs/why/2026-11-24-endpoints.md), and the most that a host is asked
HELLO_ROUNDS = 6
BATCH, SPACE_S, PAUSE_S, GAP_S = 4, 0.2, 1.5, 10.0
HELLOS: dict[str, HelloStyle] = {"tls.browser": "browser", "tls.openssl": "openssl"}
PADDED_HELLO = "tls.padded"
AS_WRITTEN: dict[str, HelloStyle] = {**HELLOS, PADDED_HELLO: "padded"}


class Request(NamedTuple):
    """One request. `kind` is "stun", "stun-tcp", "tcp", "tls", of AS_WRITTEN, NAME, or a resolver's (SYSTEM or OTHER).
    `data` is what is sent, if anything. `addresses` are its targets: none where the host's name was not found, or is to
    be looked up (SYSTEM). `name` is the id of the row whose name a ClientHello of kind NAME has in it."""

    number: int
    row: EndpointRow
    kind: str
    round: int
    data: bytes = b""
    addresses: tuple[Address, ...] = ()
    name: str = ""


class Due(NamedTuple):
    """When a row is to be asked, and how; `named` is the row whose name a ClientHello of kind NAME has in it."""

    at_s: float
    row: EndpointRow
    kind: str
    named: EndpointRow | None = None


@dataclass(slots=True)
class EndpointEngine:
    """`today` decides which sources are old. `draw` is seeded in tests."""

    chosen: ChosenEndpoints
    today: date
    rng: Random
    gap_s: float = GAP_S
    exchanges: list[Exchange] = field(default_factory=list)
    done: bool = False
    _agenda: list[Due] = field(default_factory=list)
    _open: dict[int, tuple[float, Request]] = field(default_factory=dict)
    _found: dict[str, tuple[Address, ...]] = field(default_factory=dict)  # by host; kept in memory only
    _round: int = 0
    _names: bool = False  # is this round at its names?
    _number: int = 0
    _zero_s: float | None = None

    @property
    def wake_s(self) -> float:
        """When the next request is due."""
        return self._agenda[0].at_s if self._agenda else NEVER

    def poll(self, now_s: float) -> list[Request]:
        """What is due now."""
        if self._zero_s is None:
            self._zero_s = now_s
        if not self._agenda and not self._open and not self.done:
            self._next(now_s)
        requests = []
        while self._agenda and self._agenda[0].at_s <= now_s:
            due = self._agenda.pop(0)
            request = self._request(due)
            self._open[request.number] = now_s, request
            requests.append(request)
        return requests

    def answered(
        self, now_s: float, number: int, failure: str = "", data: bytes = b"", addresses: Sequence[Address] = ()
    ) -> None:
        """What came of a request: a failure (df-007), or the datagram, or addresses, or just that it worked."""
        asked_s, request = self._open.pop(number)
        if not failure and data:
            failure, addresses = _read_answer(request, data)
        if not failure and request.kind in (SYSTEM, OTHER):
            failure = "" if addresses else "dns_no_answer"
            if addresses:
                self._found.setdefault(request.row.host, tuple(addresses))
        took_s, row = now_s - asked_s, request.row
        self.exchanges.append(
            Exchange(
                app=row.app,
                host=row.id,
                neutral=not row.app,
                at_s=round(asked_s - (self._zero_s or 0.0), 3),
                ok=not failure,
                failure=failure,
                rtt_ms=None if failure else round(1000 * took_s, 1),
                took_s=round(took_s, 3),
                kind=request.kind,
                round=request.round,
                confidence=row.known(self.today),
                named=row.is_name,
                name=request.name,
            )
        )

    def addresses(self, row: EndpointRow) -> tuple[Address, ...]:
        """Where a row's host is, as far as that was found. Addresses are kept in memory alone."""
        return self._found.get(row.host, ()) if row.is_name else (Address.of(row.host),)

    # -- what comes next -------------------------------------------------------------------------------------

    def _next(self, now_s: float) -> None:
        """The hosts of this round, or the next round, or the end."""
        if self._names and not self.chosen.names_only:
            self._names = False
            self._plan(now_s, self._hosts())
            self._plan_names(now_s)
            if self._agenda:
                return
        self._round += 1
        rows = self._again()
        self.done = self._round > HELLO_ROUNDS or not (rows or self._name_cells())
        if not self.done:
            self._names = True
            start_s = now_s + (self.gap_s * self.rng.uniform(0.5, 1.5) if self._round > 1 else 0.0)
            named = [(row, kind) for row, kind in rows if kind in (SYSTEM, OTHER)]
            self._plan(start_s, named)
            if not self._agenda:
                self._next(start_s)

    def _again(self) -> list[tuple[EndpointRow, str]]:
        """What this round asks: at first everything, then what was not answered, and controls where neutrals failed."""
        every = self._every()
        if self._round == 1:
            return every
        diverged = self._diverged()
        padded = [(row, PADDED_HELLO) for row in self.chosen.rows if (row.id, PADDED_HELLO) in diverged]
        if self._round > ROUNDS:
            return [(row, kind) for row, kind in every if (row.id, kind) in diverged] + padded
        before = [each for each in self.exchanges if each.round == self._round - 1 and each.kind != NAME_KIND]
        last = {(each.host, each.kind): each for each in before}
        failed = {place for place, each in last.items() if not each.ok and not each.neutral}
        blind = {each.kind for each in last.values() if each.neutral and not each.ok}
        if not failed:
            return []
        names = {host for host, kind in failed if kind in (SYSTEM, OTHER)}
        ever = {(each.host, each.kind) for each in self.exchanges}
        return [
            (row, kind)
            for row, kind in every
            if (row.id, kind) in failed | diverged
            or (kind in blind and (row.id, kind) in last)
            or (row.id in names if kind in (SYSTEM, OTHER) else (row.id, kind) not in ever)
        ] + padded  # the last: its name was not found yet

    def _diverged(self) -> set[tuple[str, str]]:
        """(host, kind) of the ClientHellos that go on to hosts which so far answered one each time, another never."""
        came: dict[str, dict[str, set[bool]]] = {}
        for each in self.exchanges:
            if each.kind in HELLOS and not each.neutral:
                came.setdefault(each.host, {}).setdefault(each.kind, set()).add(each.ok)
        diverged = [host for host, kinds in came.items() if sorted(map(sorted, kinds.values())) == [[False], [True]]]
        too_long = {(host, PADDED_HELLO) for host in diverged if came[host]["tls.browser"] == {False}}
        return {(host, kind) for host in diverged for kind in HELLOS} | too_long

    def _every(self) -> list[tuple[EndpointRow, str]]:
        """Every (row, kind) there is; a name is looked up once, for the first row that has it, a neutral one's too."""
        rows, neutral = self.chosen.rows, self.chosen.neutral
        first = {row.host: row for row in reversed((*rows, *neutral)) if row.is_name}
        names = [(row, kind) for row in first.values() for kind in (SYSTEM, OTHER)]
        return names + [(row, kind) for row in rows if not self.chosen.names_only for kind in self.chosen.asks(row)]

    def _hosts(self) -> list[tuple[EndpointRow, str]]:
        wanted = self._again() if self._round > 1 else self._every()
        rows = [(row, kind) for row, kind in wanted if kind not in (SYSTEM, OTHER)]
        return [(row, kind) for row, kind in rows if not row.is_name or self._found.get(row.host)]

    def _plan(self, start_s: float, rows: Sequence[tuple[EndpointRow, str]]) -> None:
        """Batches of one kind, a neutral host in each, in random order. Which kind comes first changes with each round,
        as a host may answer only so many greetings in a row; the system's name server is the first that is asked."""
        at_s, kinds = start_s, list(dict.fromkeys(kind for _, kind in rows))
        first = self._round % len(kinds) if kinds and SYSTEM not in kinds else 0
        for kind in kinds[first:] + kinds[:first]:
            mine = [row for row, each in rows if each == kind]
            self.rng.shuffle(mine)
            for place in range(0, len(mine), BATCH):
                batch = mine[place : place + BATCH]
                batch += [] if any(not row.app for row in batch) else [self._neutral(kind)]
                self.rng.shuffle(batch)
                self._agenda += [Due(at_s + SPACE_S * n, row, kind) for n, row in enumerate(batch)]
                at_s += SPACE_S * len(batch) + PAUSE_S * self.rng.uniform(0.5, 1.5)

    def _plan_names(self, now_s: float) -> None:
        """ClientHellos with names, in random order, after what else is due in this round."""
        cells = self._name_cells()
        self.rng.shuffle(cells)
        start_s = self._agenda[-1].at_s + PAUSE_S if self._agenda else now_s
        self._agenda += [Due(start_s + SPACE_S * n, row, NAME_KIND, named) for n, (row, named) in enumerate(cells)]

    def _name_cells(self) -> list[tuple[EndpointRow, EndpointRow]]:
        """(whom, with whose name) of this round, as far as the names were found."""
        if self.chosen.names_only:
            return []
        cells = name_cells(self.chosen, self.exchanges, self._round)
        return [(row, named) for row, named in cells if self.addresses(row)]

    def _neutral(self, kind: str) -> EndpointRow:
        named, asked = kind in (SYSTEM, OTHER), "tls.browser" if kind == PADDED_HELLO else kind
        fitting = [row for row in self.chosen.neutral if (row.is_name if named else asked in self.chosen.asks(row))]
        return self.rng.choice(fitting or list(self.chosen.neutral))

    def _request(self, due: Due) -> Request:
        self._number += 1
        row, kind = due.row, due.kind
        addresses = self.addresses(row)
        data = b""
        if kind in GREETED:
            data = stun.encode_message(stun.StunMessage(stun.Type.BINDING_REQUEST, self.rng.randbytes(12)))
        elif kind in AS_WRITTEN:
            data = client_hello(AS_WRITTEN[kind], row.host, self.rng)
        elif due.named is not None:
            data = client_hello("openssl", due.named.host, self.rng)
        elif kind == OTHER:
            data = dns.encode_query(row.host, self.rng.getrandbits(16))
            addresses = (Address.of(self.chosen.resolver.host),)
        return Request(
            number=self._number,
            row=row,
            kind=kind,
            round=self._round,
            data=data,
            addresses=() if kind == SYSTEM else addresses,
            name=due.named.id if due.named is not None else "",
        )


def _read_answer(request: Request, data: bytes) -> tuple[str, Sequence[Address]]:
    """(failure, addresses) of a datagram that came back; an answer to another question is none."""
    if request.kind in AS_WRITTEN or request.kind == NAME_KIND:
        return "" if is_answer(data) else "unexpected_answer", ()
    try:
        if request.kind in GREETED:
            reply = stun.decode_message(data)
            mine = reply.transaction == request.data[8:20] and reply.type in (
                stun.Type.BINDING_RESPONSE,
                stun.Type.BINDING_ERROR,
            )
            return "" if mine else "unexpected_answer", ()
        found = dns.decode_answer(data)
    except WireError:
        return "unexpected_answer", ()
    if found.id != int.from_bytes(request.data[:2], "big"):
        return "unexpected_answer", ()
    codes = {dns.NO_ERROR: "", dns.NAME_ERROR: "dns_nxdomain_error", dns.REFUSED: "dns_refused_error"}
    return codes.get(found.code, "dns_server_misbehaving"), found.addresses
