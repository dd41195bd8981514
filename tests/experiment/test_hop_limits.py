"""Which packets may go how far: both ends read it alike from the `Begin`."""

from __future__ import annotations

from collections import Counter

import pytest
from msgspec.structs import replace

from talkpath.experiment.layout import Layout, lay_out
from talkpath.measure.facts import LADDER
from talkpath.wire.control.messages import Begin
from talkpath.wire.control.question import BASELINE, HopLimits, Question

BEGIN = Begin(3, "webrtc/dtls/voice", 2, 60, 0, 20)
PORTS = (3478, 443, 5000)


def laid_out(question: Question, **changes: int) -> Layout:
    return lay_out(bytes(32), replace(BEGIN, question=question, **changes), PORTS)


def test_each_number_of_hops_has_as_many_calls_as_twins() -> None:
    layout = laid_out(HopLimits("media", "up", (2, 5)))
    assert Counter((flow.role, flow.twin_kind, flow.hops) for flow in layout.flows) == {
        ("call", None, 2): 2, ("call", None, 5): 2, ("twin", "random", 2): 2, ("twin", "random", 5): 2,
    }  # fmt: skip
    assert not any(flow.canary for flow in layout.flows)


def test_roles_and_hops_are_drawn_over_the_5_tuples() -> None:
    drawn = {
        tuple((flow.role, flow.hops) for flow in laid_out(HopLimits("media", "up", (2, 5)), number=n).flows)
        for n in range(20)
    }
    assert len(drawn) > 15


def test_of_media_two_thirds_of_the_second_half_are_limited() -> None:
    layout = laid_out(HopLimits("media", "up", (4,)))
    media = layout.up.media
    late = media[len(media) // 2 :]
    assert set(layout.up.limited) <= set(late)
    assert len(layout.up.limited) == pytest.approx(2 * len(late) / 3, abs=1)
    assert layout.down.limited == ()
    assert all(set(hops.values()) == {4} and set(hops) == set(layout.up.limited) for hops in layout.hops(layout.up))
    assert layout.hops(layout.down) == ()


def test_of_a_set_up_stage_all_are_limited() -> None:
    layout = laid_out(HopLimits("stun", "down", (3,)))
    stage = [bit for bit, slot in enumerate(layout.down.slots) if layout.schedule.slots[slot].stage == "stun"]
    assert list(layout.down.limited) == stage
    assert stage


def test_a_ladder_climbs_a_hop_a_packet() -> None:
    layout = laid_out(HopLimits("media", "up"), packets=200)
    (first, *others) = layout.hops(layout.up)
    assert [first[bit] for bit in layout.up.limited][: LADDER + 2] == [*range(1, LADDER + 1), 1, 2]
    assert all(other == first for other in others)


def test_other_epochs_know_no_limits() -> None:
    layout = laid_out(BASELINE)
    assert (layout.limit, layout.hops(layout.up), layout.up.limited) == (None, (), ())
