"""Extra loss that differs with how long calls are: the mean over all packets, and an interval that holds it."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
import pytest

from factories.checks import boxed
from factories.checks.call_slots import Flow, Outcome, Slot
from talkpath.apps.contract.shape import Arm
from talkpath.measure.facts import Epoch
from talkpath.verdict.flows.arm_view import arm_view
from talkpath.verdict.flows.direction_losses import sent_before_each
from talkpath.verdict.judge import judge_facts
from talkpath.verdict.model import Number
from talkpath.verdict.statistics.interval import extra_loss, overall_loss

ARM = Arm("webrtc", "webrtc", "voice")


def expected(epochs: Sequence[Epoch], p: float, onset: int) -> float:
    """Of all that calls send up, p of the media packets after the onset."""
    hit = sent = 0
    for epoch in epochs:
        stages = np.array(epoch.up.stage)
        hit += epoch.k * int(((stages == "media") & (sent_before_each(epoch)["up"] > onset)).sum())
        sent += epoch.k * int(np.isin(stages, ("media", "control")).sum())
    return p * hit / sent


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("p", "onset"), [(0.6, 60), (0.3, 80)])
def test_what_acts_late_takes_more_of_long_calls(p: float, onset: int, seed: int):
    """One share for short and long calls is wrong of both, and its interval holds neither."""
    facts = boxed.play_check(boxed.Line([boxed.media_drop(p, "up", onset)], seed=seed))
    epochs = arm_view(facts, ARM).accusing
    found, truth = overall_loss(epochs, "up", seed=facts.seed), expected(epochs, p, onset)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= truth <= found.high < 0.6
    assert found.estimate == pytest.approx(truth, abs=0.05)
    assert (extra_loss(epochs, "up", seed=facts.seed).high or 0.0) < truth


@pytest.mark.parametrize("boxes", [[], [boxed.media_drop(0.3, "up")]], ids=["nothing", "from the first packet on"])
def test_what_acts_alike_has_one_share(boxes: list[boxed.Box]):
    facts = boxed.play_check(boxed.Line(boxes, seed=2))
    epochs = arm_view(facts, ARM).accusing
    assert overall_loss(epochs, "up", seed=facts.seed) == extra_loss(epochs, "up", seed=facts.seed)


def test_without_flows_nothing_is_said():
    assert overall_loss([], "up", seed=b"") == (None, None, None)


def known_late(p: float) -> boxed.Box:
    """A box that knows the calls of one epoch at different packets."""

    def box(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
        hit = (
            flow.role == "call" and way == "up" and slot.stage == "media" and flow.packets > 14 + 4 * (flow.number % 4)
        )
        return None if hit and rng.random() < p else 0.0

    return box


@pytest.mark.parametrize("seed", [1, 2, 6, 7])
def test_p_is_in_its_interval_where_the_onset_is_not_sharp(seed: int):
    verdict = judge_facts(boxed.play_check(boxed.Line([known_late(0.97)], seed=seed)))[0]
    p = verdict.parameters["p"]
    assert (verdict.rule, verdict.direction) == ("media.drop", "up")
    assert isinstance(p, Number)
    assert (p.low or 0.0) <= 0.97 <= (p.high or 1.0)
