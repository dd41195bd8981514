"""Whole checks through restrictions that look like another one: what is named is what acts."""

from __future__ import annotations

import pytest

from talkpath.apps.contract.shape import Arm
from talkpath.experiment.plan import make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.verdict.judge import judge_arms

REFLECTOR, LIBTGVOIP = Arm("telegram", "reflector", "voice"), Arm("telegram", "libtgvoip", "voice")
TGCALLS, WHATSAPP = Arm("telegram", "tgcalls", "voice"), Arm("whatsapp", "fast20", "voice")
SIGNAL, WEBRTC = Arm("signal", "ringrtc", "voice"), Arm("webrtc", "dtls", "voice")


def named(rule: str, arms: tuple[Arm, ...], background: str, seed: int) -> list[tuple[str, str | None]]:
    """The state and the rule of each arm in a check through that restriction."""
    facts = run_sim(make_plan(arms), Scenario.parse(background, (rule,), seed))
    return [(verdict.state, verdict.rule) for verdict in judge_arms(facts)]


@pytest.mark.parametrize(
    ("rule", "arm", "background", "seed"),
    [
        ("media.freeze,direction=down,after_s=17,residual_s=180", REFLECTOR, "clean", 1),
        ("media.freeze,direction=both,after_s=0.63,residual_s=60", WEBRTC, "nat_rebind", 7500001272),
    ],
    ids=["which calls that live through the check show", "which acts just before calls end"],
)
def test_calls_that_fail_behind_cut_offs_are_not_blocked_at_random(
    rule: str, arm: Arm, background: str, seed: int
) -> None:
    assert named(rule, (arm,), background, seed) == [("restricted", "media.freeze")]


def test_a_port_that_a_call_through_the_whole_check_had_blocked_is_blocked_by_a_call() -> None:
    assert named("residual,for_s=60", (SIGNAL,), "police_flow", 7500000710) == [("restricted", "residual")]


def test_ports_that_passed_until_a_call_came_are_not_dead_by_their_number() -> None:
    found = named("residual,for_s=60", (LIBTGVOIP, REFLECTOR, TGCALLS, WHATSAPP), "clean", 7500000413)
    assert {rule for _, rule in found} == {"residual"}
