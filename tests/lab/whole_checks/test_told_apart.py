"""Whole checks through networks that tell packets apart by anything but their role: nobody is accused, and no twin is
found worse than its call. A small sample of what `talkpath lab score` counts, fast enough to run every time."""

from __future__ import annotations

import pytest

from talkpath.apps.contract.shape import Arm
from talkpath.experiment.plan import make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.ground_truth.score import ACCUSING
from talkpath.lab.scenario import Scenario
from talkpath.verdict.judge import judge

SIGNAL = Arm("signal", "ringrtc", "voice")


@pytest.mark.parametrize(
    "background",
    [
        "police_all,kbps=200",
        "police_all,kbps=700",
        "size_loss,over=120,loss=0.3",
        "ecmp,loss=0.2",
        "shape_port,share=0.5",
    ],
)
def test_nobody_is_told_apart(background: str) -> None:
    (verdict,) = judge(run_sim(make_plan((SIGNAL,)), Scenario.parse(background, (), 1)))
    assert verdict.state not in ACCUSING
    assert verdict.reason is None or verdict.reason.code != "twin_worse"


def test_a_policer_of_every_flow_cuts_none_off() -> None:
    """Far less passes than video wants: gaps between two packets that pass look like ends at one count."""
    video = Arm("max", "webrtc", "video")
    network = Scenario.parse("police_flow,kbps=25.39817420794197,burst_bytes=3000", (), 3377500282)
    (verdict,) = judge(run_sim(make_plan((video,)), network))
    assert verdict.state == "impaired"
