"""Asks an app's TLS hosts with two ClientHellos and by name, in virtual time: the engine that runs on real sockets, its
verdict.

A host answers a whole ClientHello with its own flight, whatever the name in it. Name servers answer at once, and are
not on the network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from heapq import heappop, heappush
from itertools import count
from random import Random

from proof.app_servers.long_messages import LONG_TROUBLES, LongMessages, answer_bytes
from talkpath.apps.contract.shape import Direction
from talkpath.lab.backgrounds import background_kinds, parse_background
from talkpath.lab.network import LabNetwork
from talkpath.lab.path.link import LAB_PROBE, LabHost
from talkpath.lab.path.stream import HalfStream, TcpHandshake, opening_hello
from talkpath.lab.restrictor import parse_rule
from talkpath.lab.restrictor.app_networks import app_host_name, app_relay
from talkpath.measure.facts import Exchange
from talkpath.probe.endpoint_catalogue import ChosenEndpoints, EndpointRow
from talkpath.probe.endpoint_driver import STREAM_S
from talkpath.probe.endpoint_engine import AS_WRITTEN, EndpointEngine, Request
from talkpath.probe.name_contrast import NAME_KIND
from talkpath.verdict.bases.endpoints import OTHER, SYSTEM, judge_endpoints
from talkpath.verdict.model import Reason, Verdict
from talkpath.wire.ip.address import Address

HELLO_APPS = ("telegram", "whatsapp", "signal", "max")
HOST_TROUBLES = (
    "none",
    "none",
    "one_down",
    "all_down",
    "neutral_down",
    "busy",
    "rationed",
    "picky",
    "mute_to_one",
    *LONG_TROUBLES,
)
RATION_S = (1.0, 12.0)  # between two messages that a "rationed" host answers
TODAY, SOURCE, PORT, FIRST_LOCAL, LONGEST_S = date(2026, 11, 1), "the lab", 443, 20_000, 600.0
FIRST_FRONT = 50  # the number of an app's first TLS host in its network
NEUTRAL = tuple(LabHost(f"plain{n}", f"198.51.100.{60 + n}", f"2001:db8:2::{60 + n:x}") for n in (1, 2, 3))
ANSWER = b"\x16\x03\x03\0\x7a\x02"  # the first bytes of a ServerHello


@dataclass(frozen=True, slots=True)
class HelloCase:
    """One network and an app's hosts. `rule` "" where there is none; `hello` and `bound` are then what is true: whose
    ClientHello is held back ("" where its name is), and to what that is bound."""

    seed: int
    app: str
    background: str
    family: int
    hosts: int
    trouble: str = "none"
    rule: str = ""
    hello: str = ""
    bound: str = ""


def draw_innocent(seed: int) -> HelloCase:
    """Draw hosts behind a network that tells no hello from another: any background, any trouble."""
    rng = Random(f"innocent hellos {seed}")
    return _drawn_case(seed, rng, sorted(background_kinds()), rng.choice(HOST_TROUBLES))


def draw_restricted(seed: int) -> HelloCase:
    """Draw hosts behind a network that holds one hello back, towards the app or all. Resets are towards all: towards
    the app alone they are as "picky" hosts' own."""
    rng = Random(f"restricted hellos {seed}")
    seen = sorted(name for name, kind in background_kinds().items() if not kind.unseen)
    drawn = _drawn_case(seed, rng, seen, "none")
    hello, bound = rng.choice(("browser", "openssl")), rng.choice(("shape", "both"))
    act = rng.choice(("drop", "reset")) if bound == "shape" else "drop"
    towards = f",app={drawn.app},to=app" if bound == "both" else ""
    return replace(drawn, rule=f"tls.hello_drop,hello={hello},act={act}{towards}", hello=hello, bound=bound)


def draw_named(seed: int) -> HelloCase:
    """Draw hosts behind a network that holds back the app's names; the hosts may be down as well."""
    rng = Random(f"restricted names {seed}")
    seen = sorted(name for name, kind in background_kinds().items() if not kind.unseen)
    drawn = _drawn_case(seed, rng, seen, rng.choice(("none", "none", "all_down")))
    return replace(drawn, rule=f"signalling.block,app={drawn.app},act={rng.choice(('drop', 'reset'))}", bound="name")


def _drawn_case(seed: int, rng: Random, backgrounds: Sequence[str], trouble: str) -> HelloCase:
    return HelloCase(
        seed, rng.choice(HELLO_APPS), rng.choice(backgrounds), rng.choice((4, 6)), rng.choice((1, 2, 3)), trouble
    )


def play_hellos(case: HelloCase) -> Verdict:
    """Ask until the engine is done; return the verdict about the app's messages."""
    background = parse_background(case.background)
    rules = [parse_rule(case.rule)] if case.rule else []
    exchanges = _Asked(case, LabNetwork(background, rules, case.seed)).run()
    void = Reason("vpn") if background.id == "user_vpn" else None
    return next(found for found in judge_endpoints(exchanges, void) if found.basis == "signalling")


class _Asked:
    """One run; a `Scheduler` of its streams."""

    def __init__(self, case: HelloCase, network: LabNetwork) -> None:
        self.now_s = 0.0
        self._case, self._network, self._rng = case, network, Random(f"asked hellos {case.seed}")
        self.long_messages = LongMessages(case.trouble, case.seed)
        fronts = {f"front{n}": app_relay(case.app, FIRST_FRONT + n) for n in range(1, case.hosts + 1)}
        self._hosts = fronts | {host.name: host for host in NEUTRAL}
        rows = [_host_row(name, case.app if name in fronts else "") for name in self._hosts]
        resolver = EndpointRow("resolver", "", "resolver", "192.0.2.53", 53, 1, SOURCE, TODAY, "high")
        own, neutral = (tuple(row for row in rows if bool(row.app) is app) for app in (True, False))
        self._engine = EndpointEngine(ChosenEndpoints(own, neutral, resolver, False, hellos=True), TODAY, self._rng)
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order, self._locals = count(), count(FIRST_LOCAL)
        self._ration_s = Random(f"ration {case.seed}").uniform(*RATION_S)
        self._answered_s: dict[str, float] = {}
        self._unheard = Random(f"unheard {case.seed}").choice(("tls.browser", "tls.openssl"))

    def run(self) -> list[Exchange]:
        """Ask until everything is answered or given up."""
        engine = self._engine
        while not engine.done and self.now_s < LONGEST_S:
            for request in engine.poll(self.now_s):
                self._ask(request)
            due_s = max(self.now_s, engine.wake_s)
            if self._heap and self._heap[0][0] <= due_s:
                self.now_s, _, action = heappop(self._heap)
                action()
            else:
                self.now_s = due_s if due_s < LONGEST_S else self.now_s
        return engine.exchanges

    def later(self, at_s: float, action: Callable[[], None]) -> None:
        """See `Scheduler`."""
        heappush(self._heap, (at_s, next(self._order), action))

    def offer(self, direction: Direction, packet: bytes) -> list[tuple[float, bytes]]:
        """See `Scheduler`."""
        return self._network.offer(self.now_s, direction, packet)

    def _ask(self, request: Request) -> None:
        far = self._hosts[request.row.id].address(self._case.family, PORT)
        if request.kind in (SYSTEM, OTHER):
            self._engine.answered(self.now_s, request.number, addresses=(far,))
        else:
            _Exchanged(self, request, far, next(self._locals), self._answers(request.row, request.kind))

    def _answers(self, row: EndpointRow, kind: str) -> bool:
        """Whether the host answers this time."""
        if self._case.trouble == "rationed" and row.app and kind != "tls":
            due = self.now_s - self._answered_s.get(row.id, -self._ration_s) >= self._ration_s
            if due:
                self._answered_s[row.id] = self.now_s
            return due
        down = {"one_down": row.id == "front1", "all_down": bool(row.app), "neutral_down": not row.app}
        busy = self._case.trouble == "busy" and bool(row.app) and self._rng.random() < 0.5
        mute = self._case.trouble == "mute_to_one" and row.id == "front1" and kind == self._unheard
        return not (down.get(self._case.trouble, False) or busy or mute)

    def refuses(self, kind: str) -> bool:
        """Whether the app's hosts reset a connection that begins so: "picky" ones take browsers alone."""
        return self._case.trouble == "picky" and kind != "tls.browser"

    def answered(self, request: Request, failure: str) -> None:
        """What came of a request."""
        data = ANSWER if not failure and request.kind in (NAME_KIND, *AS_WRITTEN) else b""
        self._engine.answered(self.now_s, request.number, failure, data)


class _Exchanged:
    """One connection: a ClientHello, and the first bytes of what comes back; the `Scheduler` of its streams."""

    def __init__(self, asked: _Asked, request: Request, far: Address, local: int, answers: bool) -> None:
        near = LAB_PROBE.address(far.family, local)
        self._asked, self._request, self._answers, self._over = asked, request, answers, False
        self._hello = request.data or opening_hello("openssl", local, request.row.host)
        self._came = 0
        self._up = HalfStream(self, "up", (near, far), self._at_far, lambda: self._end("connection_reset"))
        self._down = HalfStream(self, "down", (far, near), self._at_near, lambda: None)
        asked.later(asked.now_s + STREAM_S, lambda: self._end("generic_timeout_error"))
        TcpHandshake(self, (near, far), lambda: self._up.write(self._hello, hidden=False), lambda: None)

    @property
    def now_s(self) -> float:
        """See `Scheduler`."""
        return self._asked.now_s

    def later(self, at_s: float, action: Callable[[], None]) -> None:
        """See `Scheduler`."""
        self._asked.later(at_s, action)

    def offer(self, direction: Direction, packet: bytes) -> list[tuple[float, bytes]]:
        """See `Scheduler`."""
        passes = self._asked.long_messages.passes(direction, packet, own=bool(self._request.row.app))
        return self._asked.offer(direction, packet) if passes else []

    def _at_far(self, data: bytes) -> None:
        self._came += len(data)
        own = bool(self._request.row.app)
        if self._asked.long_messages.hangs_up(self._came, len(self._hello), own=own):
            self._end("eof_error")
        elif own and self._asked.refuses(self._request.kind):
            self._end("connection_reset")
        elif self._came >= len(self._hello) and self._answers:
            self._down.write(bytes(answer_bytes(self._hello)))

    def _at_near(self, data: bytes) -> None:
        self._end("")

    def _end(self, failure: str) -> None:
        if not self._over:
            self._over = self._up.closed = self._down.closed = True
            self._asked.answered(self._request, failure)


def _host_row(name: str, app: str) -> EndpointRow:
    return EndpointRow(name, app, "tls", app_host_name(app, name), PORT, 2, SOURCE, TODAY, "high")
