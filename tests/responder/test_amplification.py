"""Whoever forges a source gains nothing: no 5-tuple is sent more than it brought until it has echoed its nonce.

Bytes are those of IP packets, with the headers of either family. The one exception is a session that compares
transports (`TransportPaths`): it may be answered at the address of its own control connection at once.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories.packets.handmade_shapes import drawn_shape
from talkpath.apps import shapes
from talkpath.apps.contract.shape import KEY_BYTES
from talkpath.apps.recorded.played import PlayedShape, played_shape
from talkpath.experiment.imitation_digest import shape_digest
from talkpath.experiment.layout import Layout, lay_out_anew, make_outline, packet_keys
from talkpath.experiment.nonce import put_nonce, read_nonce
from talkpath.experiment.seeds import seed_commitment, session_key
from talkpath.responder.flight import ResponderPacket
from talkpath.responder.limits import Identity
from talkpath.responder.responder import Responder
from talkpath.responder.session import ResponderSession
from talkpath.wire.control import messages
from talkpath.wire.control.messages import AnyMessage, Begin, Close, Decoder, Hello, Open, PlayShape, Ready, Welcome
from talkpath.wire.control.question import (
    BASELINE,
    HelloContrast,
    HopLimits,
    LongCalls,
    Question,
    QuietCalls,
    RateContrast,
    RelayPaths,
    TcpTwins,
    TransportPaths,
    WatchedCalls,
)

PORTS = tuple(range(3000, 3016))
ARMS = [next(arm for arm in shapes() if arm.app == app and arm.medium == "voice") for app in ("webrtc", "telegram")]
HOSTS = ("198.51.100.1", "198.51.100.2", "203.0.113.9")  # of two sessions, and of somebody who never asked
HEADERS = (0, 28, 48)
QUESTIONS: tuple[Question, ...] = (
    BASELINE,
    RateContrast(0.5),
    HelloContrast("pion"),
    WatchedCalls(),
    WatchedCalls(1),
    LongCalls(0),
    QuietCalls(0.02),
    TcpTwins(),
    TransportPaths(("udp/3001", "udp/3002")),
    RelayPaths(("udp/3001",)),
    HopLimits("media", "up", (3,)),
)

Source = tuple[str, int]
Tuple5 = tuple[Source, int]


@dataclass
class Epoch:
    """One epoch of a session, as its owner or anybody who has its key knows it."""

    session: int
    layout: Layout
    nonces: dict[tuple[int, Source], int] = field(default_factory=dict)

    @cached_property
    def keys(self) -> dict[bytes, tuple[int, int]]:
        """Where each packet that the responder sends belongs."""
        return packet_keys(self.layout, self.layout.down)

    @property
    def spared(self) -> bool:
        """Is the owner's own address answered at once?"""
        return isinstance(self.layout.begin.question, TransportPaths)


class Attack:
    """Two sessions, and packets of their epochs from every source. Counts the bytes of each 5-tuple. The calls of the
    third arm look like `shape`, which each session has sent."""

    def __init__(self, shape: PlayedShape | None = None) -> None:
        self.shape = shape
        self.far = Responder(Identity(PORTS, (3000,), (3001,)), draw=Random(1).randbytes)
        self.far.shared.host_of = lambda source: source[0] if isinstance(source, tuple) else None
        self.now_s = 0.0
        self.keys: list[bytes] = []
        self.sessions: list[ResponderSession] = []
        self.epochs: list[Epoch] = []
        self.balance: Counter[tuple[Tuple5, int]] = Counter()  # (5-tuple, header): bytes in minus bytes out
        self.open: set[tuple[int, int, Source]] = set()  # (epoch, flow, source) that echoed
        self.came: list[int] = []  # which packets of their schedules the sources got
        for number, host in enumerate(HOSTS[:2]):
            seed = bytes([number]) * 32
            session = self.far.connect(host, host=host)
            self.sessions.append(session)
            welcome = self.say(
                number,
                Hello((messages.PROTOCOL_VERSION,), "", seed_commitment(seed), {str(a): shape_digest(a) for a in ARMS}),
            )
            assert isinstance(welcome, Welcome)
            assert self.say(number, Open(seed)) == Ready(-1)
            assert shape is None or self.say(number, PlayShape(shape.text)) == Ready(-1)
            self.keys.append(session_key(seed, welcome.seed))

    def say(self, session: int, message: AnyMessage) -> AnyMessage | None:
        """The answer; None where the session was refused before."""
        data = self.far.receive(self.now_s, self.sessions[session], messages.encode_message(message))
        return next(iter(Decoder().feed(data)), None)

    def begin(self, session: int, arm: int, question: Question, packets: int) -> None:
        shape = self.shape if arm == len(ARMS) else None
        begin = Begin(
            number=len(self.epochs),
            arm=str(shape.arm if shape else ARMS[arm]),
            k=2,
            packets=packets,
            first_tuple=0,
            locals=60,
            question=question,
        )
        if isinstance(self.say(session, begin), Ready):
            plan = make_outline(self.keys[session], begin, shape)
            self.epochs.append(Epoch(session, lay_out_anew(plan, self.keys[session], PORTS)))

    def packet(self, epoch: int, flow: int, bit: int, source: Source, cut: int, echo: bool) -> None:
        """A packet of that epoch arrives, whole or cut, once more or for the first time."""
        if not self.epochs:
            return
        epoch %= len(self.epochs)
        each = self.epochs[epoch]
        flow, bit = flow % len(each.layout.flows), bit % len(each.layout.up.slots)
        plan, slot = each.layout.flows[flow], each.layout.up.slots[bit]
        data, shape = plan.datagrams[slot], each.layout.schedule.slots[slot]
        nonce = each.nonces.get((flow, source), 0)
        if echo and nonce and shape.nonce_at is not None:
            sealed = shape.fingerprint and plan.role == "call"
            data = put_nonce(data, shape, nonce, printable=plan.twin_kind == "text", fingerprint=sealed)
            self.open.add((epoch, flow, source))
        elif cut:
            data = data[: max(2 * KEY_BYTES, len(data) - cut)]
        for header in HEADERS:
            self.balance[(source, plan.port), header] += header + len(data)
        self.sent(self.far.datagram(self.now_s, source, plan.port, data))

    def sent(self, packets: list[ResponderPacket]) -> None:
        for packet in packets:
            source = packet.source
            assert isinstance(source, tuple)
            number, flow = self.owner(packet.data)
            each = self.epochs[number]
            own = each.spared and source[0] == HOSTS[each.session]
            if not own and (number, flow, source) not in self.open:
                for header in HEADERS:
                    self.balance[(source, packet.port), header] -= header + len(packet.data)
                    assert self.balance[(source, packet.port), header] >= 0, each.layout.begin.question
            self.learn(each, flow, source, packet.data)

    def owner(self, data: bytes) -> tuple[int, int]:
        for number, each in enumerate(self.epochs):
            for key in (data[:KEY_BYTES], data[KEY_BYTES : 2 * KEY_BYTES]):
                if key in each.keys:
                    return number, each.keys[key][0]
        raise AssertionError("a packet of no epoch")

    def learn(self, each: Epoch, flow: int, source: Source, data: bytes) -> None:
        """Whoever is at that source sees the nonce."""
        plan, down = each.layout.flows[flow], each.layout.down
        bit = (each.keys.get(data[:KEY_BYTES]) or each.keys[data[KEY_BYTES : 2 * KEY_BYTES]])[1]
        self.came.append(bit)
        shape = each.layout.schedule.slots[down.slots[bit]]
        expected = plan.datagrams[down.slots[bit]]
        each.nonces[flow, source] = read_nonce(expected, data, shape, printable=plan.twin_kind == "text")


STEPS = st.one_of(
    st.tuples(st.just("begin"), st.integers(0, 1), st.integers(0, 1), st.sampled_from(QUESTIONS), st.integers(1, 12)),
    st.tuples(
        st.just("packet"),
        st.integers(0, 7),
        st.integers(0, 7),
        st.integers(0, 400),
        st.tuples(st.sampled_from(HOSTS), st.sampled_from((40000, 40001))),
        st.sampled_from((0, 0, 0, 5, 2000)),
        st.booleans(),
    ),
    st.tuples(st.just("wait"), st.floats(0.0, 1.5)),
    st.tuples(st.just("close"), st.integers(0, 7)),
)


@pytest.mark.long
@given(st.tuples(st.sampled_from(QUESTIONS), st.sampled_from(QUESTIONS)), st.lists(STEPS, max_size=60))
def test_no_5_tuple_gets_more_than_it_brought(first: tuple[str, str], steps: list[tuple[object, ...]]) -> None:
    attack = Attack()
    for session, question in enumerate(first):
        attack.begin(session, session, question, 8)
    for name, *what in steps:
        if name == "begin":
            attack.begin(*what)  # type: ignore[arg-type]
        elif name == "packet":
            attack.packet(*what)  # type: ignore[arg-type]
        elif name == "wait":
            attack.now_s += what[0]  # type: ignore[operator]
        elif attack.epochs:
            number = what[0] % len(attack.epochs)  # type: ignore[operator]
            attack.say(attack.epochs[number].session, Close(number, ()))
        attack.sent(attack.far.poll(attack.now_s))


@given(st.integers(0, 10**6), st.lists(STEPS, max_size=40))
def test_no_5_tuple_gets_more_than_it_brought_whatever_a_shape_says(seed: int, steps: list[tuple[object, ...]]) -> None:
    """Shapes may have any sizes, answers and gaps that a file may have."""
    attack = Attack(played_shape(drawn_shape(Random(seed))))
    for session in (0, 1):
        attack.begin(session, len(ARMS), BASELINE, 8)
    assert len(attack.epochs) == 2
    for name, *what in steps:
        if name == "packet":
            attack.packet(*what)  # type: ignore[arg-type]
        elif name == "wait":
            attack.now_s += what[0]  # type: ignore[operator]
        attack.sent(attack.far.poll(attack.now_s))


@pytest.mark.parametrize("seed", range(12))
def test_a_whole_recorded_call_from_a_forged_source_is_answered_with_no_more(seed: int) -> None:
    attack = Attack(played_shape(drawn_shape(Random(seed))))
    attack.begin(0, len(ARMS), BASELINE, 30)
    layout = attack.epochs[0].layout
    for flow in range(len(layout.flows)):
        for bit in range(len(layout.up.slots)):
            attack.packet(0, flow, bit, (HOSTS[2], 40000), 0, False)
    for _ in range(100):
        attack.now_s += 0.02
        attack.sent(attack.far.poll(attack.now_s))


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("host", HOSTS[1:], ids=["another session's address", "nobody's address"])
def test_a_whole_call_from_a_forged_source_is_answered_with_no_more(question: str, host: str) -> None:
    """The first session's owner sends the first packet of each flow from elsewhere, then waits for the whole call."""
    attack = Attack()
    attack.begin(0, 0, question, 60)
    for flow in range(len(attack.epochs[0].layout.flows)):
        attack.packet(0, flow, 0, (host, 40000), 0, False)
    for _ in range(300):
        attack.now_s += 0.01
        attack.sent(attack.far.poll(attack.now_s))


def test_the_sessions_own_address_is_answered_at_once_where_transports_are_compared() -> None:
    attack = Attack()
    attack.begin(0, 0, TransportPaths(("udp/3001", "udp/3002")), 60)
    epoch = attack.epochs[0]
    attack.packet(0, 0, 0, (HOSTS[0], 40000), 0, False)
    attack.now_s = 3.0
    packets = attack.far.poll(attack.now_s)
    assert sum(len(packet.data) for packet in packets) > 10 * len(epoch.layout.flows[0].datagrams[0])


@pytest.mark.parametrize("echo", [True, False], ids=["the nonce echoed", "the hello sent again"])
def test_the_rest_of_a_flight_follows_as_soon_as_the_5_tuple_has_paid_for_it(echo: bool) -> None:
    """A server's flight of two datagrams is longer than the hello; on a long way that leaves before the nonce is known,
    and its retries too."""
    attack = Attack()
    attack.begin(0, 0, BASELINE, 30)
    up, source = attack.epochs[0].layout.up, (HOSTS[0], 40000)
    hello, flight = next((bit, replies) for bit, replies in up.replies.items() if len(replies) > 1)
    for bit in range(hello + 1):
        attack.packet(0, 0, bit, source, 0, False)
    assert [bit for bit in attack.came if bit in flight] == [flight[0]]
    last = next(bit for bit in up.replies if bit > hello) if echo else up.again[hello][0]
    for bit in range(hello + 1, last + 1):
        attack.packet(0, 0, bit, source, 0, echo)
    assert {*flight} <= {*attack.came}
