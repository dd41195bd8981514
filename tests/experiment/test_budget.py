"""What an epoch costs is known before it is sent: never less than its packets take, and not much more."""

from __future__ import annotations

import pytest

from talkpath.apps import shapes
from talkpath.experiment.budget import IP_UDP_BYTES, OPENING_BYTES, epoch_bytes, most_bytes, receipt_bytes
from talkpath.experiment.layout import Layout, lay_out
from talkpath.experiment.plan import PATH_TRANSPORTS, choose_arms, make_plan, relays_cost, without_relays
from talkpath.wire.control.messages import Begin
from talkpath.wire.control.question import BASELINE, Question, TcpTwins

PORTS = tuple(range(3000, 3016))
VOICE = [arm for arm in sorted(shapes()) if arm.medium == "voice"]


def layout(arm: object, question: Question = BASELINE) -> Layout:
    return lay_out(bytes(32), Begin(1, str(arm), 4, 12, 0, 120, question=question), PORTS)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("arm", VOICE, ids=str)
def test_the_most_covers_every_packet_sent_and_reported(arm: object, family: int) -> None:
    plan = layout(arm)
    sent = [len(datagram) for flow in plan.flows for datagram in flow.datagrams]
    on_the_wire = sum(sent) + IP_UDP_BYTES[family] * len(sent)
    assert on_the_wire + 4 * len(sent) <= most_bytes(plan, family) <= on_the_wire + 8 * len(sent)  # 5 to report one
    assert sum(epoch_bytes(plan, family)) <= most_bytes(plan, family)


def test_twins_over_tcp_cost_their_headers_and_openings_too() -> None:
    over_udp, over_tcp = layout(VOICE[0]), layout(VOICE[0], TcpTwins())
    assert sum(flow.transport == "tcp" for flow in over_tcp.flows) == 4
    assert most_bytes(over_tcp) - 4 * sum(OPENING_BYTES) < most_bytes(over_udp)  # eight flows for ten
    up, down = epoch_bytes(over_tcp)
    assert most_bytes(over_tcp) > up + down + 4 * len(over_tcp.flows)


def test_a_receipt_has_a_bit_for_each_packet_of_each_flow() -> None:
    plan = layout(VOICE[0])
    bits = len(plan.flows) * len(plan.schedule.slots) / 8
    assert bits < receipt_bytes(plan) < bits + 40 * len(plan.flows)


def test_trying_transports_costs_two_calls_of_three_seconds_over_each() -> None:
    arms = choose_arms(["webrtc"], ["voice"])
    usual, trying = make_plan(arms), make_plan(arms, transports=True)
    assert 1 < (trying.budget_bytes - usual.budget_bytes) / (len(PATH_TRANSPORTS) * 2 * 300 * 200) < 2
    assert trying.budget_s > usual.budget_s + 3


def test_relayed_calls_cost_what_three_seconds_of_them_take() -> None:
    """Two directly and two over each of two servers, 3 s each: 50 packets/s both ways of some 200 bytes."""
    plan = make_plan(choose_arms(["webrtc"], ["voice"]), relays=["turn-udp/3478", "turn-tls/443"])
    more_bytes, more_s = relays_cost(plan)
    assert 400_000 < more_bytes < 800_000
    assert 3 < more_s < 30
    assert without_relays(plan).budget_bytes == plan.budget_bytes - more_bytes
    assert relays_cost(without_relays(plan)) == (0, 0.0)
