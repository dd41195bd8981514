"""How unlike 5-tuples fare, of which a call that lasts may be an unlucky one; and when such a call is cleared."""

from __future__ import annotations

from random import Random

import pytest

from factories.checks import boxed
from factories.checks.call_slots import Box, Flow, Outcome, Slot
from factories.checks.simulated_epochs import BACKGROUNDS, NOTHING, Restriction, World
from talkpath.apps.contract.shape import Arm
from talkpath.measure.facts import Epoch, Facts
from talkpath.verdict.flows import long_calls
from talkpath.verdict.flows.arm_view import ArmView, arm_view
from talkpath.verdict.flows.flow_spread import flow_spread
from talkpath.verdict.flows.long_calls import EndedCalls, cut_offs, find_divergence, lived_longer
from talkpath.verdict.model import PlannedEpoch
from talkpath.verdict.statistics.cohort import DIRECTIONS
from talkpath.wire.control.question import BASELINE, LongCalls, WatchedCalls

ARM = Arm("webrtc", "webrtc", "voice")


def run(background: str, restriction: Restriction = NOTHING, count: int = 12) -> tuple[Epoch, ...]:
    world = World(BACKGROUNDS[background], 5)
    return tuple(world.epoch(packets=40, restriction=restriction) for _ in range(count))


@pytest.mark.parametrize("background", ["clean", "iid 5 %", "bursts 15 %", "police flow"])
def test_where_all_flows_fare_alike_they_do_not_differ(background: str) -> None:
    assert flow_spread(run(background), "up") < 0.03


@pytest.mark.parametrize("background", ["ecmp", "buckets", "nat"])
def test_paths_queues_and_translators_make_flows_differ(background: str) -> None:
    assert flow_spread(run(background), "up") > 0.03


def test_what_only_calls_lose_makes_no_twins_differ() -> None:
    assert flow_spread(run("clean", Restriction(up=0.5)), "up") == 0.0
    assert flow_spread((), "up") == 0.0


def view(*asked: tuple[str, int, int, Box]) -> ArmView:
    """An arm's view of epochs: (question, calls, packets, box)."""
    epochs: list[Epoch] = []
    for number, (kind, k, packets, box) in enumerate(asked):
        now_s = epochs[-1].ended_s + 0.1 if epochs else 0.2
        ask = PlannedEpoch(ARM, {"long": LongCalls(1), "watch": WatchedCalls()}.get(kind, BASELINE), k, packets)
        epochs.append(boxed.play_epoch(boxed.Line([box]), Random(number), ask, number, now_s)[0])
    return arm_view(Facts(boxed.Line().plan(), tuple(epochs)), ARM)


def grows(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
    """Calls lose more and more."""
    hit = flow.role == "call" and slot.stage == "media"
    return None if hit and rng.random() < 0.01 * slot.at_s else 0.0


def loses_late(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
    """Calls lose 5 % of one direction after 14 seconds."""
    hit = flow.role == "call" and slot.stage == "media" and way == "down" and slot.at_s > 14.0
    return None if hit and rng.random() < 0.05 else 0.0


def one_loses(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
    """One call loses packets of its first second."""
    hit = flow.role == "call" and flow.number % 20 == 3 and 0.5 < slot.at_s < 0.7
    return None if hit and slot.stage == "media" else 0.0


def third_ends(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
    """Every third call ends after two seconds."""
    return None if flow.role == "call" and flow.number % 3 == 0 and slot.at_s >= 2.0 else 0.0


def test_a_long_call_is_cleared_only_by_calls_that_lived_as_long() -> None:
    unlucky, well = ("watch", 8, 70, one_loses), ("watch", 8, 70, boxed.independent_loss(0.0))
    assert find_divergence(view(unlucky, well)) is None
    short_too = find_divergence(view(("long", 1, 900, grows), unlucky, well))
    assert short_too is not None
    assert short_too.at_s > 2.0
    assert short_too == find_divergence(view(("long", 1, 900, grows)))


def each_nth_loses(n: int) -> Box:
    """Each n-th call loses half of its packets after three seconds."""
    seen: dict[int, int] = {}

    def box(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
        hit = flow.role == "call" and seen.setdefault(flow.number, len(seen)) % n == 0
        return None if hit and slot.stage == "media" and slot.at_s > 3.0 and rng.random() < 0.5 else 0.0

    return box


def test_a_share_of_calls_that_lose_late_is_settled_only_where_many_others_do_not() -> None:
    """Two of eight may be a rule that acts on a quarter of all calls; one of twelve is one 5-tuple's accident."""
    for calls, n in ((8, 8), (8, 4), (16, 4)):
        found = view(("long", calls, 400, each_nth_loses(n)))
        unsettled = find_divergence(found, beside_all=True)
        assert unsettled is not None
        assert not unsettled.ended
        assert find_divergence(found) is None  # most of them were well: no reason to look for a proof
    assert find_divergence(view(("long", 12, 400, each_nth_loses(12))), beside_all=True) is None


def test_a_call_that_loses_some_packets_from_late_on_parts() -> None:
    late = find_divergence(view(("long", 1, 1100, loses_late)))
    assert late is not None
    assert late.at_s > 14.0
    assert find_divergence(view(("long", 1, 1100, boxed.independent_loss(0.04)))) is None


def test_a_call_that_lost_more_has_lost_it_by_its_end_at_the_latest() -> None:
    found = find_divergence(view(("watch", 8, 70, boxed.media_drop(0.5))))
    assert found is not None
    assert found.at_s < 2.0


def test_calls_that_go_silent_are_counted_beside_those_that_live_longer() -> None:
    hit = view(("watch", 8, 250, third_ends), ("watch", 8, 70, boxed.independent_loss(0.0)))
    ended, by_s, lived = cut_offs(hit)
    assert (ended + lived, 1.8 < by_s < 2.1) == (8, True)
    assert 1 <= ended <= 5
    assert lived_longer(hit, by_s) == lived
    assert cut_offs(view(("watch", 8, 70, boxed.independent_loss(0.0)))) == EndedCalls(0, 0.0, 8)


def silent_up_and_lossy_down(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
    """Some calls go silent up after five seconds, others lose down from two seconds on, some both."""
    silent = way == "up" and slot.at_s > 5.0 and flow.number % 3 == 0
    lossy = way == "down" and flow.number % 2 == 0 and slot.at_s > 2.0 and rng.random() < 0.3
    return None if flow.role == "call" and (silent or lossy) else 0.0


@pytest.mark.parametrize("box", [grows, loses_late, silent_up_and_lossy_down])
def test_ends_are_the_same_whether_or_not_losses_are_looked_for(box: Box) -> None:
    found = view(("long", 2, 1000, box), ("watch", 4, 600, box), ("long", 2, 1000, box))
    ends, every = (
        long_calls._long_calls((*found.all_long, *found.accusing), ARM, unlike)
        for unlike in (None, dict.fromkeys(DIRECTIONS, 0.0))
    )
    assert [one.span_s for one in ends] == [one.span_s for one in every]
    assert [_ended_at(one) for one in ends] == [_ended_at(one) for one in every]
    assert any(map(_ended_at, ends)) is (box is silent_up_and_lossy_down)


def _ended_at(call: long_calls.LongCall) -> float | None:
    return call.diverged.at_s if call.diverged and call.diverged.ended else None
