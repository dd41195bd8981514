"""A session by hand: both engines, no network but the one that a test makes of lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories.networks.welcomes import welcome_with
from talkpath.apps import shapes
from talkpath.apps.contract.shape import Arm
from talkpath.errors import PeerError
from talkpath.experiment.flight import NEVER
from talkpath.measure.decode import decode_facts
from talkpath.measure.facts import ArmPlan, Epoch, Facts, Plan
from talkpath.probe.session import FAR_END_ANSWER_S, ProbeSession
from talkpath.responder.limits import Identity
from talkpath.responder.responder import Responder
from talkpath.wire.control import messages as control
from talkpath.wire.control.messages import AnyMessage, Begin, FlowReport, Ready, Receipt, Refusal, Report, Welcome
from talkpath.wire.control.question import BASELINE

PORTS = tuple(range(3000, 3016))
ARM = next(arm for arm in shapes() if arm.app == "webrtc" and arm.medium == "voice")
DELAY_S, STEP_S = 0.02, 0.0005
WELCOME = welcome_with(ports=PORTS, arms=(str(ARM),), open_epochs=0)

Wire = Callable[[float, bytes], list[tuple[float, bytes]]]  # a datagram that leaves now: when its copies arrive


def straight(now_s: float, data: bytes) -> list[tuple[float, bytes]]:
    return [(now_s + DELAY_S, data)]


class Pair:
    """Both ends in steps of half a millisecond; the control channel needs DELAY_S each way."""

    def __init__(self, seed: int = 0, wire: Wire = straight) -> None:
        self.probe = ProbeSession(Random(f"probe {seed}").randbytes(32), (ARM,))
        self.far = Responder(Identity(PORTS), draw=Random(f"far {seed}").randbytes)
        self.connection = self.far.connect("block")
        self.wire, self.now_s = wire, 0.0
        self.mute = False  # the far end says nothing more
        self.spoil: Callable[[AnyMessage], AnyMessage] = lambda message: message  # what becomes of what it says
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self.probe.connected(0.0)

    def begin(self, number: int = 0, packets: int = 12, first_tuple: int = 0) -> None:
        self.probe.begin(self.now_s, Begin(number, str(ARM), 2, packets, first_tuple, 60), BASELINE)

    def run(self, until: Callable[[], bool], most_s: float = 30.0) -> None:
        end_s = self.now_s + most_s
        while not until():
            assert self.now_s < end_s
            self.now_s += STEP_S
            self._step()

    def _step(self) -> None:
        due = sorted(event[:2] for event in self._events if event[0] <= self.now_s)
        ready = {event[:2]: event[2] for event in self._events if event[0] <= self.now_s}
        self._events = [event for event in self._events if event[0] > self.now_s]
        for key in due:
            ready[key]()
        if self.probe.wake_s <= self.now_s:
            self._up(self.probe.poll(self.now_s))
        if self.far.wake_s <= self.now_s:
            self._down(self.far.poll(self.now_s))
        if data := self.probe.control_out():
            self._later(self.now_s + DELAY_S, lambda: self._answer(data))

    def _answer(self, data: bytes) -> None:
        if not self.mute:
            said = control.Decoder().feed(self.far.receive(self.now_s, self.connection, data))
            back = b"".join(control.encode_message(self.spoil(message)) for message in said)
            self._later(self.now_s + DELAY_S, lambda: self.probe.receive(self.now_s, back))

    def _up(self, packets: list[Any]) -> None:
        for packet in packets:
            for at_s, data in self.wire(self.now_s, packet.data):
                self._later(at_s, lambda local=packet.local, port=packet.port, data=data: self._down(
                    self.far.datagram(self.now_s, local, port, data)))  # fmt: skip

    def _down(self, packets: list[Any]) -> None:
        for packet in packets:
            for at_s, data in self.wire(self.now_s, packet.data):
                self._later(at_s, lambda data=data: self._up(self.probe.epochs.datagram(self.now_s, data)))

    def _later(self, at_s: float, action: Callable[[], None]) -> None:
        self._count += 1
        self._events.append((at_s, self._count, action))


def epoch(wire: Wire = straight) -> Epoch:
    pair = Pair(wire=wire)
    pair.run(lambda: pair.probe.opened)
    pair.begin()
    pair.run(lambda: bool(pair.probe.epochs.finished))
    (found,) = pair.probe.epochs.finished
    return found


# -- what the network does to datagrams ----------------------------------------------------------------------------


def media(found: Epoch) -> list[tuple[int, int]]:
    """Of each flow and way the bits of media that were sent, and that arrived."""
    masks = {"up": found.up.stage, "down": found.down.stage}
    bits = {way: sum(1 << bit for bit, stage in enumerate(stages) if stage == "media") for way, stages in masks.items()}
    return [
        (
            int.from_bytes(flow.sent, "little") & bits[flow.direction],
            int.from_bytes(flow.arrived, "little") & bits[flow.direction],
        )
        for flow in found.flows
    ]


CLEAN = epoch()


def test_on_a_clean_line_all_arrives() -> None:
    assert all(flow.sent == flow.arrived for flow in CLEAN.flows)
    assert all(flow.answered["stun"] and flow.answered["dtls"] for flow in CLEAN.flows)


def twice(now_s: float, data: bytes) -> list[tuple[float, bytes]]:
    return [(now_s + DELAY_S, data), (now_s + DELAY_S + 0.003, data)]


def shuffled() -> Wire:
    draws = Random(5)
    return lambda now_s, data: [(now_s + DELAY_S + 0.03 * draws.random(), data)]


def beside_others() -> Wire:
    """Packets of another session, and bytes of nobody, come along with ours."""
    draws, other = Random(6), Pair(seed=9)
    other.run(lambda: other.probe.opened)
    layout = other.probe.lay_out(Begin(0, str(ARM), 2, 12, 0, 60))
    foreign = [data for flow in layout.flows for data in flow.datagrams]
    return lambda now_s, data: [(now_s + DELAY_S, one) for one in (draws.choice(foreign), data, draws.randbytes(90))]


@pytest.mark.parametrize("wire", [twice, shuffled(), beside_others()], ids=["twice", "shuffled", "beside others"])
def test_duplicates_order_and_strangers_change_nothing(wire: Wire) -> None:
    """But set-up: a request that comes twice is answered twice, as by any server."""
    found = epoch(wire)
    assert all(flow.sent == flow.arrived for flow in found.flows)
    assert media(found) == media(CLEAN)
    assert [flow.answered for flow in found.flows] == [flow.answered for flow in CLEAN.flows]


def test_what_comes_after_the_cut_is_late_and_not_arrived() -> None:
    seen: list[int] = []

    def held(now_s: float, data: bytes) -> list[tuple[float, bytes]]:
        seen.append(len(data))
        return [(now_s + (1.5 if len(seen) % 40 == 0 else DELAY_S), data)]

    pair = Pair(wire=held)
    pair.run(lambda: pair.probe.opened)
    pair.begin()
    pair.run(lambda: bool(pair.probe.epochs.finished))
    pair.begin(1, first_tuple=5)
    pair.run(lambda: len(pair.probe.epochs.finished) == 2)
    first = pair.probe.epochs.finished[0]
    late = [flow for flow in first.flows if any(flow.late)]
    assert late
    for flow in late:
        arrived, late_bits = int.from_bytes(flow.arrived, "little"), int.from_bytes(flow.late, "little")
        assert arrived & late_bits == 0
        assert (arrived | late_bits) & ~int.from_bytes(flow.sent, "little") == 0


def test_a_packet_that_this_machine_would_not_send_was_not_sent() -> None:
    pair = Pair()
    pair.run(lambda: pair.probe.opened)
    pair.begin()
    pair.run(
        lambda: pair.probe.epochs.running == 1 and pair.probe.wake_s != NEVER and pair.probe.epochs.busy_until_s < NEVER
    )
    spent = pair.probe.epochs.bytes_sent
    packets = pair.probe.poll(pair.now_s + 0.01)
    assert packets
    for packet in packets:
        pair.probe.epochs.unsent(packet)
    assert pair.probe.epochs.bytes_sent == spent
    pair.run(lambda: bool(pair.probe.epochs.finished))
    assert all(flow.sent == flow.arrived for flow in pair.probe.epochs.finished[0].flows)


# -- a far end that is none ----------------------------------------------------------------------------------------


def session(*messages: AnyMessage) -> ProbeSession:
    probe = ProbeSession(bytes(32), (ARM,))
    probe.connected(0.0)
    for message in messages:
        probe.receive(0.1, control.encode_message(message))
    return probe


def changed(**fields: object) -> Welcome:
    return msgspec.structs.replace(WELCOME, **fields)


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([changed(version=7)], "version 7 of the control protocol, this talkpath version 2"),
        ([changed(ports=())], "makes no sense"),
        ([changed(ports=(0,))], "makes no sense"),
        ([changed(ports=(70000,))], "makes no sense"),
        ([changed(tcp_ports=(-1,))], "makes no sense"),
        ([changed(ports=tuple(range(1, 200)))], "makes no sense"),
        ([changed(seed=b"short")], "makes no sense"),
        ([changed(max_bytes=-1)], "makes no sense"),
        ([changed(control_flows=-1)], "makes no sense"),
        ([changed(arms=("webrtc/none/voice",))], "imitates these apps otherwise"),
        ([WELCOME, WELCOME], "welcomed twice"),
        ([Ready(-1)], "not asked for"),
        ([WELCOME, Ready(-1), Ready(0)], "not asked for"),
        ([WELCOME, Ready(-1), Report(0, ())], "not asked about"),
        ([Begin(0, "", 1, 1, 0, 1)], "probe's to send"),
        ([Refusal("busy", "Come back later.")], "refused: Come back later."),
        ([Refusal("busy", "\x1b[31m" + "x" * 1000)], r"refused: \[31mx{1,200}$"),
        ([Refusal("version", "", (4, 5))], "speaks version 4, 5 of"),
    ],
)
def test_an_answer_that_no_talkpath_gives(messages: list[AnyMessage], said: str) -> None:
    with pytest.raises(PeerError, match=said):
        session(*messages)


def test_what_the_far_end_says_of_itself_is_held_to_what_is_known() -> None:
    found = session(changed(responder_class="<b>"))
    assert found.welcome is not None
    assert found.welcome.responder_class == "unknown"


def beyond(report: Report, name: str) -> Report:
    """The report with a bit of its first flow that is not in the schedule."""
    first = report.flows[0]
    bitmap = getattr(first, name)
    spoiled = msgspec.structs.replace(first, **{name: bitmap[:-1] + bytes([bitmap[-1] | 0x80])})
    return msgspec.structs.replace(report, flows=(spoiled, *report.flows[1:]))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda report: msgspec.structs.replace(report, flows=report.flows[1:]),
        lambda report: msgspec.structs.replace(report, flows=(FlowReport(b"", b"", b"", b""), *report.flows[1:])),
        lambda report: beyond(report, "sent"),
        lambda report: beyond(report, "arrived"),
        lambda report: msgspec.structs.replace(report, number=5),
        lambda report: Refusal("budget", "No more."),
    ],
    ids=["a flow less", "bitmaps cut short", "sent too much", "got too much", "another epoch", "refused"],
)
def test_a_far_end_that_goes_mad_in_the_middle_loses_nothing_that_is_known(
    spoil: Callable[[Report], AnyMessage],
) -> None:
    pair = Pair()
    pair.run(lambda: pair.probe.opened)
    pair.begin()
    pair.run(lambda: bool(pair.probe.epochs.finished))
    pair.spoil = lambda message: spoil(message) if isinstance(message, Report) else message
    pair.begin(1, first_tuple=5)
    pair.run(lambda: bool(pair.probe.ended))
    assert [found.missing for found in pair.probe.epochs.finished] == ["", pair.probe.ended]
    assert pair.probe.ended in ("responder_lost", "budget")
    for each in pair.probe.epochs.finished:
        assert readable(each)


def readable(epoch: Epoch) -> bool:
    """Whether a bundle with this epoch could be read again."""
    plan = Plan((ArmPlan(ARM.app, ARM.variant, ARM.medium),))
    facts = Facts(plan=plan, epochs=(epoch,), seed=bytes(32))
    return decode_facts(msgspec.msgpack.encode(facts)) == facts


def test_late_arrivals_beyond_the_schedule_are_left_out() -> None:
    pair = Pair()
    pair.run(lambda: pair.probe.opened)
    pair.begin()
    pair.run(lambda: bool(pair.probe.epochs.finished))
    epochs = pair.probe.epochs
    size = len(epochs.finished[0].flows[0].sent)
    flows = len(epochs.finished[0].flows) // 2
    for bitmap, kept in ((b"\x01" + bytes(size - 1), True), (b"\xff" * size, False)):
        epochs.note_late({0: (bitmap,) * flows})
        assert any(flow.late == bitmap for flow in epochs.finished[0].flows) == kept
        assert readable(epochs.finished[0])


def test_a_far_end_that_falls_silent_is_lost_within_ten_seconds_of_its_last_word() -> None:
    pair = Pair()
    pair.run(lambda: pair.probe.opened)
    pair.begin()
    pair.run(lambda: bool(pair.probe.epochs.finished))
    pair.mute = True
    pair.begin(1, first_tuple=5)
    heard_s = pair.now_s
    pair.run(lambda: bool(pair.probe.ended))
    assert pair.probe.ended == "responder_lost"
    assert FAR_END_ANSWER_S / 2 <= pair.now_s - heard_s <= FAR_END_ANSWER_S + 1


def test_an_epoch_given_up_is_missing_and_its_report_is_no_error() -> None:
    pair = Pair()
    pair.run(lambda: pair.probe.opened)
    pair.begin()
    pair.run(lambda: pair.probe.epochs.busy_until_s < NEVER)
    pair.run(lambda: pair.now_s > pair.probe.epochs.busy_until_s - 0.1)
    pair.probe.abandon(pair.now_s, "interrupted")
    pair.probe.finish(pair.now_s, bytes(32), "interrupted", bytes(32))
    pair.run(lambda: bool(pair.probe.ended))
    assert [found.missing for found in pair.probe.epochs.finished] == ["interrupted"]
    assert pair.probe.receipt == Receipt()


FIELDS = {"bytes": st.binary(max_size=40), "int": st.integers(-(2**63), 2**63 - 1), "str": st.text(max_size=12)}


def messages() -> Iterator[st.SearchStrategy[AnyMessage]]:
    number = st.integers(-2, 3)
    flows = st.lists(st.builds(FlowReport, *[st.binary(max_size=9)] * 4), max_size=6).map(tuple)
    late = st.dictionaries(number, st.lists(st.binary(max_size=9), max_size=6).map(tuple), max_size=3)
    ports = st.lists(st.integers(-5, 70000), max_size=4).map(tuple)
    yield st.builds(Ready, number)
    yield st.builds(Report, number, flows, late)
    yield st.builds(Receipt, late)
    yield st.builds(Refusal, FIELDS["str"], FIELDS["str"], st.lists(FIELDS["int"], max_size=2).map(tuple))
    yield st.builds(Welcome, st.sampled_from((1, 2)), FIELDS["bytes"], st.sampled_from((bytes(32), b"")), ports,
                    st.just((str(ARM),)), FIELDS["int"], *[FIELDS["str"]] * 3, ports, ports, ports,
                    number, number, number)  # fmt: skip
    yield st.just(WELCOME)


@given(st.lists(st.one_of(*messages()) | st.binary(max_size=30), max_size=6))
def test_whatever_the_far_end_says_is_taken_or_a_peer_error(said: list[AnyMessage | bytes]) -> None:
    probe = session(WELCOME, Ready(-1))
    probe.begin(0.2, Begin(0, str(ARM), 2, 3, 0, 60), BASELINE)
    with suppress(PeerError):
        for step, message in enumerate(said):
            probe.receive(0.3 + step, message if isinstance(message, bytes) else control.encode_message(message))
            probe.poll(0.3 + step)
    assert probe.ended or isinstance(probe, ProbeSession)


def test_arms_that_the_far_end_imitates_otherwise_are_not_alike() -> None:
    other = Arm("webrtc", "dtls", "video")
    probe = ProbeSession(bytes(32), (ARM, other))
    probe.connected(0.0)
    probe.receive(0.1, control.encode_message(WELCOME))
    assert probe.alike == (ARM,)
