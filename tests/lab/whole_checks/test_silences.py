"""Moments of silence that everybody meets are no rule, even where they come round in time with the epochs."""

from __future__ import annotations

import pytest

from talkpath.apps.contract.shape import Arm
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.verdict.judge import judge


@pytest.mark.parametrize(
    ("background", "arms", "seed", "family"),
    [
        ("outage", choose_arms(), 42116403724, 4),
        ("police_flow", (Arm("whatsapp", "relay60", "video"),), 42116402404, 6),
    ],
    ids=["outages at the end of long epochs", "a video that a line's policer silences at any count"],
)
def test_nobody_is_accused_of_it(background: str, arms: tuple[Arm, ...], seed: int, family: int) -> None:
    facts = run_sim(make_plan(arms), Scenario.parse(background, [], seed, family))
    assert {verdict.state for verdict in judge(facts)} <= {"ok", "impaired", "insufficient"}
