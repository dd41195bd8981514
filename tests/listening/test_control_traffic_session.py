"""This end of control traffic beside calls: an old far end, a lost one, packets that never left, what is told of it."""

from __future__ import annotations

from random import Random

import pytest

from factories.networks.welcomes import welcome_with
from factories.packets.capture_files import CARRIERS, udp_packet
from talkpath.experiment.control_packets import MOST_FLOWS
from talkpath.listening.control_facts import control_facts
from talkpath.listening.control_traffic_scheduler import CallPackets
from talkpath.listening.control_traffic_session import ControlTrafficSession
from talkpath.responder.limits import Identity
from talkpath.responder.responder import Responder
from talkpath.wire.control import messages
from talkpath.wire.control.messages import Accompany, Decoder, Refusal
from talkpath.wire.ip.address import Address

BEGUN_NS = 1_700_000_000_000_000_000
BEGUN_S = 1.0
NEAR, FAR = Address(bytes((10, 0, 0, 5)), 40000), Address(bytes((198, 51, 100, 7)), 3478)


class Ends:
    """A session and a responder whose control channel takes no time."""

    def __init__(self, flows: int = MOST_FLOWS) -> None:
        rng = Random(3)
        self.session = ControlTrafficSession(rng.randbytes(32), rng.randbytes, flows)
        self.far = Responder(Identity((3000, 3001)), draw=rng.randbytes)
        self.far_session = self.far.connect("block")
        self.said: list[messages.AnyMessage] = []
        self.sources: set[tuple[int, int]] = set()
        self.deaf = -1
        self.moved: dict[int, str] = {}  # whence the far end sees packets of a socket come now
        self.session.connected(0.0)
        self.exchange(0.0)

    def exchange(self, now_s: float) -> None:
        while out := self.session.control_out():
            self.said += Decoder().feed(out)
            self.session.control(now_s, self.far.receive(now_s, self.far_session, out))

    def poll(self, now_s: float) -> list[bytes]:
        packets = self.session.poll(now_s)
        self.exchange(now_s)
        for packet in packets:
            self.sources.add((packet.local, packet.port))
            if packet.local != self.deaf:
                source = self.moved.get(packet.local, f"source {packet.local}")
                self.far.datagram(now_s, source, packet.port, packet.data)
        for answer in self.far.poll(now_s):
            self.session.datagram(now_s, answer.data)
        return [packet.data for packet in packets]

    def call(self, seconds: float, from_s: float = BEGUN_S, fast_ms: float = 0.0) -> None:
        """A call of 50 packets a second each way, or its continuation. The wall clock, which gives packets their times,
        is fast by so much a second."""
        if from_s == BEGUN_S:
            self.session.call_began(BEGUN_NS)
        first = round(50 * (from_s - BEGUN_S))
        for tick in range(first, first + int(50 * seconds)):
            now_s, at_ns = BEGUN_S + 0.02 * tick, BEGUN_NS + tick * round(20_000_000 + 20_000 * fast_ms)
            self.session.call_packet(now_s, at_ns, 120, sent=True)
            self.session.call_packet(now_s, at_ns, 140, sent=False)
            self.poll(now_s)


def test_each_packet_of_the_call_is_imitated_over_each_flow_and_counted_by_its_second():
    ends = Ends(flows=3)
    ends.call(4.0)
    ends.session.call_ended()
    ends.poll(5.0)
    (one,) = ends.session.accompanied
    facts = control_facts(one, BEGUN_NS)
    assert facts is not None
    assert facts.ended == "done"
    assert [second.sent_up for second in facts.seconds[:4]] == pytest.approx([150] * 4, abs=9)
    assert all(one.arrived_up == one.sent_up for one in facts.seconds)
    sent_down = [second.sent_down for second in facts.seconds[1:3]]
    assert sent_down == pytest.approx([150, 150], abs=4), "a fresh connection is sent no more than it brought at first"
    assert {flow.port for flow in facts.flows} == {3000, 3001}
    assert any(isinstance(message, Accompany) for message in ends.said)


def test_one_flow_stays_while_the_others_change_over_and_each_connection_has_its_own_counts():
    ends = Ends(flows=3)
    ends.call(7.0)
    ends.session.call_ended()
    ends.poll(8.0)
    (one,) = ends.session.accompanied
    facts = control_facts(one, BEGUN_NS)
    assert facts is not None
    assert [flow.begin_s for flow in facts.flows] == pytest.approx(
        [0.0] * 3 + [2.0] * 2 + [4.0] * 2 + [6.0] * 2, abs=0.2
    )
    assert len({local for local, _ in ends.sources}) == len(facts.flows), "each from a local port of its own"
    stays, *others = facts.flows
    assert (stays.sent_up, stays.sent_down) == pytest.approx((350, 325), abs=15)
    for begun in {flow.begin_s for flow in others}:
        first, second = (flow for flow in others if flow.begin_s == begun)
        assert (first.sent_up, first.sent_down) == (second.sent_up, second.sent_down)
    assert all(flow.sent_up == flow.arrived_up and flow.sent_down == flow.arrived_down > 0 for flow in facts.flows)


def test_a_connection_that_the_far_end_hears_nothing_from_is_the_only_one_with_losses():
    ends = Ends(flows=3)
    ends.deaf = 4  # the second connection of the last flow
    ends.call(7.0)
    ends.session.call_ended()
    ends.poll(8.0)
    (one,) = ends.session.accompanied
    facts = control_facts(one, BEGUN_NS)
    assert facts is not None
    assert [flow.arrived_up == 0 for flow in facts.flows] == [place == 4 for place in range(9)]
    assert all(flow.arrived_up == flow.sent_up for place, flow in enumerate(facts.flows) if place != 4)


def test_a_connection_that_a_translator_moves_is_told_and_a_change_over_is_none():
    ends = Ends(flows=3)
    ends.call(3.0)
    ends.moved = {0: "another port", 4: "another port"}  # of the flow that stays, and of one that changed over
    ends.call(4.0, from_s=4.0)
    ends.session.call_ended()
    ends.poll(8.0)
    (one,) = ends.session.accompanied
    facts = control_facts(one, BEGUN_NS)
    assert facts is not None
    assert [flow.moved for flow in facts.flows] == [int(place in (0, 4)) for place in range(9)]


@pytest.mark.parametrize("fast_ms", [5.0, -5.0])
def test_a_wall_clock_that_is_corrected_meanwhile_makes_no_packet_late(fast_ms: float):
    ends = Ends(flows=3)
    ends.call(10.0, fast_ms=fast_ms)
    ends.session.call_ended()
    ends.poll(11.0)
    (one,) = ends.session.accompanied
    facts = control_facts(one, BEGUN_NS)
    assert facts is not None
    assert max(second.late_ms or 0.0 for second in facts.seconds) < 25.0, "packets are sent each 20 ms here"
    assert (facts.late_ms_p99 or 0.0) < 35.0


def test_a_refusal_and_a_far_end_that_makes_no_sense_end_it_in_order():
    senseless = messages.encode_message(welcome_with(control_flows=0))
    refused = messages.encode_message(Refusal("busy", "full"))
    for answer, how in ((refused, "refused"), (b"\xff" * 40, "lost"), (senseless, "lost")):
        session = ControlTrafficSession(bytes(32), Random(1).randbytes)
        session.connected(0.0)
        session.control(0.1, answer)
        assert (session.how, session.done) == (how, True)


def test_a_far_end_that_is_lost_leaves_what_this_end_knows():
    ends = Ends(flows=3)
    ends.call(2.0)
    ends.session.lost(3.5)
    (one,) = ends.session.accompanied
    facts = control_facts(one, BEGUN_NS)
    assert facts is not None
    assert facts.ended == "responder_lost"
    assert all(flow.arrived_up is None and flow.sent_up > 0 for flow in facts.flows)


def test_counts_that_never_come_are_not_waited_for():
    ends = Ends(flows=3)
    ends.call(1.0)
    ends.session.stop()
    ends.session.poll(3.0)
    assert not ends.session.done
    ends.session.poll(9.0)
    assert ends.session.done
    assert ends.session.accompanied[0].counts is None


def test_packets_that_this_machine_did_not_send_are_not_counted_as_lost():
    ends = Ends(flows=3)
    ends.call(1.0)
    ends.session.call_packet(2.5, BEGUN_NS + 1_500_000_000, 120, sent=True)
    packets = ends.session.poll(2.5)
    for packet in packets:
        ends.session.unsent(packet)
    ends.session.call_ended()
    ends.poll(3.0)
    facts = control_facts(ends.session.accompanied[0], BEGUN_NS)
    assert facts is not None
    assert sum(flow.sent_up - (flow.arrived_up or 0) for flow in facts.flows) == 0


def test_the_pattern_goes_on_while_the_call_hears_nothing():
    ends = Ends(flows=3)
    ends.call(2.0)
    for tick in range(100):
        now_s, at_ns = 3.0 + 0.02 * tick, BEGUN_NS + 2_000_000_000 + 20_000_000 * tick
        ends.session.call_packet(now_s, at_ns, 120, sent=True)
        for step in range(4):
            ends.poll(now_s + 0.005 * step)
    for step in range(120):
        ends.poll(5.0 + 0.005 * step)
    ends.session.call_ended()
    ends.poll(5.7)
    facts = control_facts(ends.session.accompanied[0], BEGUN_NS)
    assert facts is not None
    silent = [second for second in facts.seconds if second.at_s == 3]
    assert silent[0].sent_down == silent[0].arrived_down >= 100


@pytest.mark.parametrize("carrier", sorted(CARRIERS))
def test_a_calls_packets_are_found_under_any_link(carrier: str):
    calls = CallPackets()
    calls.follow([(NEAR, FAR)])
    wrap = CARRIERS[carrier][1]
    sent = udp_packet(NEAR.packed, FAR.packed, NEAR.port, FAR.port, bytes(90))
    received = udp_packet(FAR.packed, NEAR.packed, FAR.port, NEAR.port, bytes(33))
    other = udp_packet(NEAR.packed, FAR.packed, NEAR.port + 1, FAR.port, bytes(90))
    assert calls.find(memoryview(wrap(sent))) == (True, 90)
    assert calls.find(memoryview(wrap(received))) == (False, 33)
    assert calls.find(memoryview(wrap(other))) is None
    assert calls.find(memoryview(b"")) is None
    calls.follow(())
    assert calls.find(memoryview(wrap(sent))) is None
