"""Names that one arm alone, or one life of a flow, would get wrong."""

from __future__ import annotations

from random import Random

import calls
import pytest
from slots import Fate, Flow, Slot

from talkpath.verdict.judge import judge, judge_arms
from talkpath.verdict.model import Number
from talkpath.verdict.naming import UNKNOWN, Naming, alone, together
from talkpath.verdict.rules.media_freeze import packets_of
from talkpath.verdict.view import view_of

SEEDS = (1, 2, 3)


def translated(box: calls.Box, mean_s: float) -> calls.Box:
    """Behind a translator that gives each flow another port now and then: to the box each time a new flow."""

    def boxed(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Fate:
        if flow.doomed_s is None or now_s >= flow.doomed_s:
            flow.doomed_s = now_s + rng.expovariate(1.0 / mean_s)
            flow.packets, flow.frozen, flow.opened_s = 0, False, now_s
        return box(rng, flow, now_s, way, slot)

    return boxed


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("direction", ["down", "both"])
def test_a_freeze_behind_a_translator_that_moves_ports_is_a_freeze(direction: str, seed: int):
    box = translated(calls.freeze(seconds=0.45, direction=direction), 2.0)
    verdict = judge(calls.check(calls.Line([box], seed=seed)))[0]
    assert (verdict.state, verdict.rule, verdict.direction) == ("restricted", "media.freeze", direction)


@pytest.mark.parametrize("seed", SEEDS)
def test_heavy_loss_is_no_freeze_because_calls_end_in_losses(seed: int):
    verdict = judge(calls.check(calls.Line([calls.media_drop(0.85, onset=18)], seed=seed)))[0]
    assert verdict.rule == "media.drop"


@pytest.mark.parametrize("seed", SEEDS)
def test_an_edge_in_size_that_one_arm_shows_explains_one_whose_packets_are_all_larger(seed: int):
    line = calls.Line([calls.size_drop(100)], apps=("webrtc", "telegram"), k=6, seed=seed)
    verdicts = judge_arms(calls.check(line))
    assert [verdict.rule for verdict in verdicts] == ["media.size_drop"] * 2
    over = verdicts[1].parameters["over"]
    assert isinstance(over, Number)
    assert (over.low or 0.0) <= 100.0 <= (over.high or 0.0)


def test_alone_such_an_arm_is_not_said_to_be_cut_by_size():
    verdict = judge(calls.check(calls.Line([calls.size_drop(100)], apps=("telegram",))))[0]
    assert verdict.rule in ("media.drop", "media.freeze")


def test_a_tie_is_broken_by_what_another_arm_showed():
    facts = calls.check(calls.Line([calls.freeze(25)], apps=("webrtc", "telegram")))
    view = view_of(facts, ("telegram", "telegram", "voice"))
    firm = alone(view)
    assert firm.rule == "media.freeze"
    tied = together(Naming(UNKNOWN, firm.rivals[:1], 1), view)
    assert tied.rule == "media.freeze"


def kept_closed(box: calls.Box, seconds: float) -> calls.Box:
    """What cuts a call off keeps its port closed to calls for a while."""
    closed_s: dict[int, float] = {}

    def boxed(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Fate:
        if calls.calls(flow) and now_s < closed_s.get(flow.port, 0.0):
            return None
        fate = box(rng, flow, now_s, way, slot)
        if fate is None:
            closed_s[flow.port] = now_s + seconds
        return fate

    return boxed


def sized(loss: float, over: int) -> calls.Box:
    """A line that loses large packets of everybody."""

    def box(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Fate:
        return None if slot.size > over and rng.random() < loss else 0.0

    return box


@pytest.mark.parametrize("seed", SEEDS)
def test_calls_to_a_port_that_an_earlier_one_closed_say_nothing(seed: int):
    box = kept_closed(calls.freeze(25), 600.0)
    verdicts = judge_arms(calls.check(calls.Line([box], apps=("webrtc", "telegram"), seed=seed)))
    assert [(verdict.rule, verdict.direction) for verdict in verdicts] == [("media.freeze", "both")] * 2


@pytest.mark.parametrize("seed", SEEDS)
def test_a_drop_on_a_line_that_loses_by_size_is_none_by_size(seed: int):
    verdict = judge(calls.check(calls.Line([sized(0.3, 90), calls.media_drop(0.06, direction="down")], seed=seed)))[0]
    assert (verdict.rule, verdict.direction) == ("media.drop", "down")


@pytest.mark.parametrize("seed", [1, 4])
def test_what_lets_nothing_through_is_no_policer(seed: int):
    line = [calls.police(20.0, whom=calls.everything), kept_closed(calls.freeze(25), 60.0)]
    verdict = judge(calls.check(calls.Line(line, seed=seed)))[0]
    assert (verdict.rule, verdict.direction) == ("media.freeze", "both")


@pytest.mark.parametrize(
    ("spans", "holds"),
    [([(40, 40)] * 4, 40), ([(38, 41), (40, 43), (39, 40)], 40), ([(56, 57), (55, 57), (106, 108), (80, 83)], 56)],
    ids=["all alike", "some lost elsewhere", "some began anew"],
)
def test_the_count_at_which_calls_end_has_room(spans: list[tuple[int, int]], holds: int):
    found = packets_of(spans)
    assert found.low is not None
    assert found.high is not None
    assert found.low < holds < found.high
