"""A layout is one pure function for both ends, fair in its roles, and its packets can be told apart."""

from __future__ import annotations

from collections import Counter

import pytest

from talkpath.apps import shapes
from talkpath.apps.contract.shape import KEY_BYTES, Arm
from talkpath.experiment.layout import SPACING_MS, FlowRole, flow_roles, lay_out, packet_keys, sending_order
from talkpath.wire.control.messages import Begin
from talkpath.wire.control.question import (
    BASELINE,
    HopLimits,
    LongCalls,
    Question,
    QuietCalls,
    TcpTwins,
    TransportPaths,
    WatchedCalls,
)

PORTS = tuple(range(3000, 3016))
ARMS = sorted(shapes())


def begin(arm: Arm, number: int = 1, **changes: object) -> Begin:
    fields: dict[str, object] = {"k": 4, "packets": 12, "first_tuple": 0, "locals": 120} | changes
    return Begin(number, str(arm), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("arm", ARMS, ids=str)
def test_both_ends_lay_out_the_same(arm: Arm) -> None:
    one = lay_out(bytes(32), begin(arm), PORTS)
    two = lay_out.__wrapped__(bytes(32), begin(arm), PORTS)
    assert one.flows == two.flows
    assert sending_order(one.schedule, one.up) == sending_order(two.schedule, two.up)
    assert packet_keys(one, one.down) == packet_keys(two, two.down)


@pytest.mark.parametrize("arm", ARMS, ids=str)
def test_twins_have_the_lengths_of_the_call_and_every_packet_its_key(arm: Arm) -> None:
    layout = lay_out(bytes(32), begin(arm), PORTS)
    sizes = [slot.size for slot in layout.schedule.slots]
    for flow in layout.flows:
        assert [len(datagram) for datagram in flow.datagrams] == sizes
    for side in (layout.up, layout.down):
        repeats = sum(len(bits) for bits in side.again.values())
        keys = packet_keys(layout, side)
        assert len(keys) >= len(layout.flows) * len(side.slots) - len(layout.flows) * repeats
        for key, (flow, bit) in keys.items():
            at = layout.schedule.slots[side.slots[bit]].key_at
            assert layout.flows[flow].datagrams[side.slots[bit]][at : at + KEY_BYTES] == key


@pytest.mark.parametrize("arm", ARMS, ids=str)
def test_a_nonce_has_room_wherever_a_slot_says_so(arm: Arm) -> None:
    for slot in lay_out(bytes(32), begin(arm), PORTS).schedule.slots:
        if slot.nonce_at is not None:
            assert slot.nonce_at >= KEY_BYTES
            assert slot.nonce_at + 8 <= slot.size - (8 if slot.fingerprint else 0)


@pytest.mark.parametrize(
    ("question", "flows"),
    [
        (BASELINE, {("call", None, "udp"): 4, ("twin", "random", "udp"): 4, ("twin", "text", "udp"): 2}),
        (WatchedCalls(6), {("call", None, "udp"): 4, ("twin", "random", "udp"): 6}),
        (LongCalls(0), {("call", None, "udp"): 4}),
        (QuietCalls(0.02), {("call", None, "udp"): 4}),
        (TcpTwins(), {("twin", "random", "udp"): 4, ("twin", "random", "tcp"): 4}),
        (HopLimits("media", "up", (3, 5)), {("call", None, "udp"): 8, ("twin", "random", "udp"): 8}),
        (TransportPaths(("udp/3478", "tls/443")), {("call", None, "udp/3478"): 4, ("call", None, "tls/443"): 4}),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_a_question_says_who_calls_beside_whom(question: Question, flows: dict[FlowRole, int]) -> None:
    assert Counter(flow_roles(begin(ARMS[0], question=question))) == flows


def test_twins_look_like_nothing() -> None:
    layout = lay_out(bytes(32), begin(ARMS[0], k=6), PORTS)
    for flow in layout.flows:
        if flow.twin_kind == "random":
            assert all(4 <= datagram[0] <= 15 for datagram in flow.datagrams)
        if flow.twin_kind == "text":
            assert all(datagram.isascii() and datagram.decode().isprintable() for datagram in flow.datagrams)


def test_roles_fall_on_every_5_tuple_alike() -> None:
    """Over 600 epochs each of the 10 places is a call in 40 % of them: within 4 standard deviations."""
    counts: Counter[int] = Counter()
    for number in range(600):
        layout = lay_out(bytes(32), begin(ARMS[0], number, packets=1), PORTS)
        counts.update(place for place, flow in enumerate(layout.flows) if flow.role == "call")
    assert all(abs(counts[place] - 240) < 4 * (600 * 0.4 * 0.6) ** 0.5 for place in range(10))


def test_5_tuples_are_never_used_twice() -> None:
    seen = set()
    for number in range(0, 1900, 10):
        layout = lay_out(bytes(32), begin(ARMS[0], number, packets=1, first_tuple=number), PORTS)
        seen |= {(flow.local, flow.port) for flow in layout.flows}
    assert len(seen) == 1900
    assert len({local for local, _ in seen}) <= 128


def test_the_packets_of_a_block_leave_in_a_random_order() -> None:
    layout = lay_out(bytes(32), begin(ARMS[0]), PORTS)
    firsts = Counter(min(range(10), key=lambda f: layout.up.due_ms[f][bit]) for bit in range(len(layout.up.slots)))
    assert len(firsts) > 4
    gaps = sorted(row[0] for row in layout.up.due_ms)
    assert gaps[-1] - gaps[0] == pytest.approx(9 * SPACING_MS)


def test_one_text_twin_in_any_place_withholds() -> None:
    layout = lay_out(bytes(32), begin(ARMS[0]), PORTS)
    assert [(f.role, f.twin_kind) for f in layout.flows if f.canary] == [("twin", "text")]
    media = sum(layout.schedule.slots[s].stage == "media" for s in layout.up.slots)
    assert len(layout.up.withheld) == max(1, round(0.05 * media))
