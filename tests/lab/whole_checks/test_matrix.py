"""One row for each rule and more, in virtual time: right state, rule and direction, intervals that hold the truth; and
that nothing is said where the truth says nothing. bench/matrix.py draws such rows at random.
"""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from talkpath.apps.contract.shape import Arm
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.drivers.sim import SIM_PORTS
from talkpath.lab.ground_truth import Score, rule_hits, score_verdicts
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Epoch, Facts, Observation
from talkpath.verdict.judge import judge_facts

WEBRTC, FAST20, RELAY60 = "webrtc/dtls/voice", "whatsapp/fast20/voice", "whatsapp/relay60/voice"
REFLECTOR, TGCALLS, DIRECT = "telegram/reflector/voice", "telegram/tgcalls/voice", "telegram/direct/voice"
SIGNAL, VIDEO, MEET = "signal/ringrtc/voice", "telegram/tgcalls/video", "meet/sfu/voice"
GE = "ge,loss=0.05"

ROWS = [
    # rule, background, arm, address family
    ("stun.drop", "clean", WEBRTC, 4),
    ("stun.drop,app=whatsapp", GE, FAST20, 6),
    ("stun.drop,direction=down", "clean", SIGNAL, 4),
    ("dtls.hello_drop", "clean", WEBRTC, 6),
    ("dtls.hello_drop,hello=browser", GE, MEET, 4),
    ("reflector.drop", "clean", REFLECTOR, 4),
    ("media.drop,p=0.1,direction=up", "clean", WEBRTC, 4),
    ("media.drop,p=0.2,direction=down", GE, WEBRTC, 4),
    ("media.drop,p=0.5,onset_packets=20", "clean", FAST20, 6),
    ("media.drop,p=0.95", GE, DIRECT, 4),
    ("media.freeze,after_packets=60", "clean", WEBRTC, 4),
    ("media.freeze,after_packets=40,direction=up", GE, TGCALLS, 6),
    ("media.freeze,after_s=1.5", "clean", SIGNAL, 4),
    ("media.freeze,after=handshake", "clean", WEBRTC, 4),
    ("media.police,kbps=15", "clean", FAST20, 4),
    ("media.police,kbps=350,direction=up", "clean", "max/webrtc/video", 4),
    ("media.size_drop,over=700", "clean", VIDEO, 6),
    ("media.delay,ms=120,direction=down", "clean", WEBRTC, 4),
    ("media.delay,ms=300,jitter_ms=60", GE, FAST20, 4),
    ("udp.block", "clean", WEBRTC, 4),
    ("udp.block", GE, TGCALLS, 6),
    ("port.block,port=443", "clean", WEBRTC, 6),
    ("udp.opaque_drop", GE, WEBRTC, 4),
    ("udp.freeze,after_packets=25", "clean", WEBRTC, 4),
    ("address.block", "clean", WEBRTC, 6),
    ("allowlist", "clean", FAST20, 4),
]


def played(rules: list[str], background: str, arms: tuple[Arm, ...], family: int = 4) -> tuple[Facts, list[Score]]:
    scenario = Scenario.parse(background, rules, 1, family)
    facts = run_sim(make_plan(arms), scenario)
    return facts, score_verdicts(judge_facts(facts), rule_hits(scenario.rules, arms, SIM_PORTS))


def arm_of(name: str) -> Arm:
    app, variant, medium = name.split("/")
    return Arm(app, variant, medium)  # type: ignore[arg-type]


@pytest.mark.parametrize(("rule", "background", "arm", "family"), ROWS)
def test_one_arm(rule: str, background: str, arm: str, family: int) -> None:
    _, (found,) = played([rule], background, (arm_of(arm),), family)
    assert found.hits
    assert not found.wrong, found.verdict
    assert found.verdict.parameters.keys() >= {"p", "kbps", "over", "hello"} & found.hits[0].parameters.keys() - unsaid(
        rule
    )


def unsaid(rule: str) -> set[str]:
    """What no verdict tells of that rule."""
    return {"p"} if rule.startswith(("media.size_drop", "udp.opaque_drop")) else set()


@pytest.mark.long
@pytest.mark.parametrize("arm", [WEBRTC, RELAY60, VIDEO])
@pytest.mark.parametrize("background", ["clean", "reorder", "nat_rebind"])
def test_ok_on_a_good_line(arm: str, background: str) -> None:
    """A translator that rebinds ends some calls: in a minute too few of the slowest arm's may have lived."""
    _, (found,) = played([], background, (arm_of(arm),))
    if (arm, background) == (RELAY60, "nat_rebind"):
        assert found.verdict.state == "ok" or (found.verdict.reason and found.verdict.reason.code == "few_calls")
    else:
        assert found.verdict.state == "ok"


@pytest.mark.long
def test_two_apps_hit_by_one_rule_each_and_the_others_left_alone() -> None:
    rules = ["media.drop,app=whatsapp,p=0.5", "stun.drop,app=telegram"]
    _, found = played(rules, "clean", choose_arms())
    assert [word for one in found for word in one.wrong] == []
    assert {one.verdict.app for one in found if one.hits} == {"whatsapp", "telegram"}


@pytest.mark.long
@pytest.mark.parametrize(
    "rule", ["media.drop,p=0.3", "stun.drop", "media.freeze,after_packets=60", "media.delay,ms=200"]
)
def test_with_all_labels_swapped_nobody_is_accused(rule: str) -> None:
    """What hit the calls then seems to have hit the twins."""
    facts, (found,) = played([rule], "clean", (arm_of(WEBRTC),))
    assert found.verdict.state == "restricted"
    (verdict,) = judge_facts(replace(facts, epochs=tuple(swapped(epoch) for epoch in facts.epochs)))
    assert verdict.state == "insufficient"
    assert verdict.reason is not None
    assert verdict.reason.code == "twin_worse"


def swapped(epoch: Epoch) -> Epoch:
    """Calls as random twins and the other way round."""

    def other(flow: Observation) -> Observation:
        if flow.role == "call":
            return replace(flow, role="twin", twin_kind="random")
        return replace(flow, role="call", twin_kind=None) if flow.twin_kind == "random" else flow

    return replace(epoch, flows=tuple(other(flow) for flow in epoch.flows))
