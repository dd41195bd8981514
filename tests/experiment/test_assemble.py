"""Two ends' reports become facts: by hand, bit by bit."""

from __future__ import annotations

import sys
from array import array
from collections import Counter

import pytest

from talkpath.apps import shapes
from talkpath.experiment.assemble import epoch_facts, with_late
from talkpath.experiment.flight import UNKNOWN_DMS, lateness_dms
from talkpath.experiment.layout import DirectionPlan, Layout, lay_out
from talkpath.measure.facts import DELAY_QUANTILES, Epoch
from talkpath.wire.control.messages import Begin, FlowReport

PORTS = tuple(range(3000, 3016))
ARM = next(arm for arm in shapes() if arm.app == "webrtc" and arm.medium == "voice")
LAYOUT = lay_out(bytes(32), Begin(3, str(ARM), 2, 10, 40, 60), PORTS)
COUNT = len(LAYOUT.flows)


def packed(values: list[int]) -> bytes:
    numbers = array("h", values)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def bitmap(bits: list[int], side: DirectionPlan) -> bytes:
    return sum(1 << bit for bit in bits).to_bytes((len(side.slots) + 7) // 8, "little")


def report(
    out: DirectionPlan, into: DirectionPlan, sent: list[int], arrived: list[int], dms: dict[int, int] | None = None
) -> FlowReport:
    """`dms`: when a bit that arrived did, after its due time; all that was sent left on time."""
    times = [(dms or {}).get(bit, 0) for bit in arrived]
    return FlowReport(bitmap(sent, out), packed([0] * len(sent)), bitmap(arrived, into), packed(times))


def first_tries(side: DirectionPlan) -> list[int]:
    """Bits that leave where nothing is lost."""
    again = {bit for bits in side.again.values() for bit in bits}
    return [bit for bit in range(len(side.slots)) if bit not in again]


def media(layout: Layout, side: DirectionPlan) -> list[int]:
    return [bit for bit, slot in enumerate(side.slots) if layout.schedule.slots[slot].stage == "media"]


def facts(probe: list[FlowReport], responder: list[FlowReport], **changes: object) -> Epoch:
    times = {"started_s": 1.0, "ended_s": 2.0, "cut_s": 2.4, "known_s": 2.5, "first_id": 100}
    return epoch_facts(LAYOUT, probe, responder, **times | changes)  # type: ignore[arg-type]


def first_answers() -> dict[str, float]:
    """When the last packet of the first answer of each set-up stage is due."""
    slots = [LAYOUT.schedule.slots[slot] for slot in LAYOUT.down.slots]
    found: dict[str, dict[int | None, float]] = {}
    for slot in slots:
        if slot.stage not in ("media", "control"):
            found.setdefault(slot.stage, {})[slot.answers] = slot.at_ms  # of one message's the last one stays
    return {stage: min(times.values()) for stage, times in found.items()}


UP, DOWN = first_tries(LAYOUT.up), first_tries(LAYOUT.down)
ALL = ([report(LAYOUT.up, LAYOUT.down, UP, DOWN)] * COUNT, [report(LAYOUT.down, LAYOUT.up, DOWN, UP)] * COUNT)


def test_an_epoch_without_a_loss() -> None:
    found = facts(*ALL)
    assert (found.number, found.arm, found.k) == (3, ARM, 2)
    assert [flow.id for flow in found.flows] == list(range(100, 100 + 2 * COUNT))
    assert [(flow.flow, flow.direction) for flow in found.flows][:2] == [(40, "up"), (40, "down")]
    assert sorted(flow.role for flow in found.flows) == ["call"] * 4 + ["twin"] * 6
    for flow in found.flows:
        assert flow.sent == flow.arrived
        assert all(flow.answered.values())
        assert flow.setup_ms == pytest.approx(max(first_answers().values()), abs=0.05)
    (canary,) = {flow.flow for flow in found.flows if flow.canary}
    assert {flow.flow for flow in found.flows if any(flow.withheld)} == {canary}
    assert found.up.size == tuple(LAYOUT.schedule.slots[slot].size for slot in LAYOUT.up.slots)


@pytest.mark.parametrize("lost", [0, 3, 4])
def test_a_loss_is_the_direction_s_and_the_flow_s(lost: int) -> None:
    bit = media(LAYOUT, LAYOUT.up)[lost]
    responder = list(ALL[1])
    responder[1] = report(LAYOUT.down, LAYOUT.up, DOWN, [other for other in UP if other != bit])
    found = facts(ALL[0], responder)
    missing = [(flow.flow, flow.direction) for flow in found.flows if flow.sent != flow.arrived]
    assert missing == [(41, "up")]
    (flow,) = [flow for flow in found.flows if (flow.flow, flow.direction) == (41, "up")]
    assert int.from_bytes(flow.sent, "little") ^ int.from_bytes(flow.arrived, "little") == 1 << bit


def test_delays_are_told_in_tenths_of_a_millisecond_of_media_alone() -> None:
    late = {bit: 100 + 10 * step for step, bit in enumerate(media(LAYOUT, LAYOUT.down))}
    probe = [report(LAYOUT.up, LAYOUT.down, UP, DOWN, late | {DOWN[0]: 30_000})] * COUNT
    found = facts(probe, ALL[1])
    for flow in found.flows:
        delays = sorted(late.values()) if flow.direction == "down" else [0] * 10
        assert flow.delay_dms == tuple(delays[round(q * 9)] for q in DELAY_QUANTILES)


def test_times_that_are_not_known_count_for_nothing() -> None:
    unknown = dict.fromkeys(range(len(LAYOUT.down.slots)), UNKNOWN_DMS)
    found = facts([report(LAYOUT.up, LAYOUT.down, UP, DOWN, unknown)] * COUNT, ALL[1])
    assert {flow.delay_dms for flow in found.flows if flow.direction == "down"} == {()}
    assert {flow.setup_ms for flow in found.flows} == {None}


def test_a_set_up_that_nobody_answered() -> None:
    silent = [bit for bit in DOWN if bit in media(LAYOUT, LAYOUT.down)]
    found = facts([report(LAYOUT.up, LAYOUT.down, UP, silent)] * COUNT, ALL[1])
    for flow in found.flows:
        assert set(flow.answered.values()) == {False}
        assert flow.setup_ms is None


def test_the_far_end_s_own_requests_answer_none_of_ours() -> None:
    slots = [LAYOUT.schedule.slots[slot] for slot in LAYOUT.down.slots]
    own = [bit for bit in DOWN if slots[bit].stage == "stun" and slots[bit].answers is None]
    answers = [bit for bit in DOWN if slots[bit].stage == "stun" and slots[bit].answers is not None]
    assert own
    assert answers
    for heard, is_answered in ((own, False), (answers, True)):
        found = facts([report(LAYOUT.up, LAYOUT.down, UP, heard)] * COUNT, ALL[1])
        assert {flow.answered["stun"] for flow in found.flows} == {is_answered}
        assert {flow.answered["dtls"] for flow in found.flows} == {False}
        assert {flow.setup_ms for flow in found.flows} == {None}


def test_a_retry_that_arrives_stands_for_the_try_that_was_sent() -> None:
    """They have the same bytes: which of them came, nobody can tell; so many of those sent did, the first ones."""
    first, again = next(
        (bit, bits)
        for bit, bits in LAYOUT.up.again.items()
        if LAYOUT.schedule.slots[LAYOUT.up.slots[bit]].answers is None
    )
    swapped = [again[0] if bit == first else bit for bit in UP]
    found = facts(ALL[0], [report(LAYOUT.down, LAYOUT.up, DOWN, swapped)] * COUNT)
    assert all(flow.sent == flow.arrived for flow in found.flows)


def test_a_far_end_that_never_reported_sent_and_heard_nothing() -> None:
    found = facts(ALL[0], [], missing="responder_lost")
    assert found.missing == "responder_lost"
    for flow in found.flows:
        assert any(flow.sent) == (flow.direction == "up")
        assert any(flow.arrived) == (flow.direction == "down")


def test_what_came_late_is_added_flow_by_flow() -> None:
    mark = [bytes([number]) for number in range(COUNT)]
    found = with_late(facts(*ALL), mark, ())
    assert [flow.late for flow in found.flows if flow.direction == "up"] == mark
    assert {flow.late for flow in found.flows if flow.direction == "down"} == {b""}


@pytest.mark.parametrize(
    ("packed_dms", "numbers"),
    [(b"", []), (b"\x01", []), (b"\x01\x00", [1]), (b"\xff\xff\x00\x80", [-1, UNKNOWN_DMS]), (b"\x0a\x00\x00", [10])],
)
def test_times_of_any_length_are_read(packed_dms: bytes, numbers: list[int]) -> None:
    assert lateness_dms([FlowReport(b"", packed_dms, b"", b"")]) == Counter(n for n in numbers if n != UNKNOWN_DMS)
