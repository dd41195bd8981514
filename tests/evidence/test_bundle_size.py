"""How large bundles are: they are sent over lines that somebody may be restricting."""

from __future__ import annotations

import pytest

from factories.checks.lab_checks import lab_bundle
from talkpath.evidence.bundle import read_bundle
from talkpath.experiment.plan import DEEP_S, choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario

pytestmark = pytest.mark.long

VOICE_BYTES, VIDEO_BYTES = 200_000, 1_000_000
EVERY = ("media.drop,app=whatsapp,p=0.3", "media.freeze,app=telegram,after_packets=25", "stun.drop,app=signal")


ROWS = [
    pytest.param(("voice",), VOICE_BYTES, "clean", EVERY, marks=pytest.mark.long),
    (("voice",), VOICE_BYTES, "ge,loss=0.05", ()),
    (("voice", "video"), VIDEO_BYTES, "clean", EVERY),
]


@pytest.mark.parametrize(("media", "most_bytes", "background", "rules"), ROWS)
def test_a_check_of_everything(
    media: tuple[str, ...], most_bytes: int, background: str, rules: tuple[str, ...]
) -> None:
    plan = make_plan(choose_arms((), media), transports=True)
    data = lab_bundle(run_sim(plan, Scenario.parse(background, rules, 1)))
    assert read_bundle(data).receipt is not None
    assert len(data) <= most_bytes


def test_a_deep_check() -> None:
    plan = make_plan(choose_arms(("whatsapp",), ("voice",), every=True), watch_s=DEEP_S)
    data = lab_bundle(run_sim(plan, Scenario.parse("clean", (), 1)))
    assert len(data) <= VOICE_BYTES
