"""Every rule, each way, on two lines: named right from a whole made-up check, with intervals that hold the truth."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

import calls
import numpy as np
import pytest
from msgspec.structs import fields, replace

from talkpath.apps.contract.shape import Arm
from talkpath.verdict.flows.arm_view import DirectionLosses, arm_view, losses_of
from talkpath.verdict.judge import judge
from talkpath.verdict.model import Category, Number, ReasonCode, State, Verdict
from talkpath.verdict.registry import FIELDS, FIGURES, REASONS, STATES
from talkpath.verdict.rules import rules, rules_of
from talkpath.verdict.rules.best import Explanation, explain_arm
from talkpath.verdict.rules.media_police import policed

ROOT = Path(__file__).parents[2]
WAYS = ("up", "down", "both")
GE = "bursts 5 %"
LINES: dict[str, Callable[[], Sequence[calls.Box]]] = {"clean": tuple, GE: lambda: (calls.bursts(0.05),)}
BUILT = {
    "stun.drop", "dtls.hello_drop", "reflector.drop", "media.drop", "media.freeze", "media.police", "media.size_drop",
    "media.delay", "media.unknown", "udp.block", "port.block", "udp.opaque_drop", "udp.freeze", "address.block",
    "allowlist",
}  # fmt: skip

Made = tuple[str, str, str, calls.Box, dict[str, float | str]]  # rule, app, direction, box, parameters


def both_ways(rule: str, app: str, make: Callable[[str], calls.Box], **parameters: float | str) -> list[Made]:
    return [(rule, app, way, make(way), parameters) for way in WAYS]


TWO_HELLOS = calls.stage_drop(["dtls"], "up", ["browser", "pion"])
SETUP: list[Made] = [
    ("stun.drop", "webrtc", "up", calls.stage_drop(["stun"], "up"), {}),
    ("stun.drop", "webrtc", "up", calls.stage_drop(["stun"], "both"), {}),
    ("stun.drop", "webrtc", "down", calls.stage_drop(["stun"], "down"), {}),
    ("stun.drop", "whatsapp", "up", calls.stage_drop(["allocate"], "up"), {}),
    ("dtls.hello_drop", "webrtc", "up", calls.stage_drop(["dtls"], "up"), {"hello": "any"}),
    ("dtls.hello_drop", "webrtc", "down", calls.stage_drop(["dtls"], "down"), {"hello": "any"}),
    ("dtls.hello_drop", "webrtc", "up", calls.stage_drop(["dtls"], "up", ["browser"]), {"hello": "browser"}),
    (
        "dtls.hello_drop",
        "webrtc",
        "up",
        calls.stage_drop(["dtls"], "up", ["browser", "pion"]),
        {"hello": "browser,pion"},
    ),
    ("reflector.drop", "telegram", "up", calls.stage_drop(["reflector"], "both"), {}),
]
MEDIA: list[Made] = [
    *both_ways("media.drop", "webrtc", lambda way: calls.media_drop(0.1, way, 10), p=0.1),
    *both_ways("media.drop", "webrtc", lambda way: calls.media_drop(0.9, way), p=0.9),
    *both_ways("media.drop", "whatsapp", lambda way: calls.media_drop(0.3, way, 12), p=0.3),
    *both_ways("media.freeze", "webrtc", lambda way: calls.freeze(25, direction=way), after_packets=25),
    *both_ways("media.freeze", "telegram", lambda way: calls.freeze(40, direction=way), after_packets=40),
    *both_ways("media.freeze", "webrtc", lambda way: calls.freeze(150, direction=way), after_packets=150),
    *both_ways("media.freeze", "webrtc", lambda way: calls.freeze(1, direction=way)),
    *both_ways("media.drop", "webrtc", lambda way: calls.media_drop(1.0, way), p=1.0),
    *both_ways("media.freeze", "webrtc", lambda way: calls.freeze(seconds=0.45, direction=way), after_s=0.45),
    *both_ways("media.freeze", "webrtc", lambda way: calls.freeze(handshake=2, direction=way), after="handshake"),
    *both_ways("media.police", "webrtc", lambda way: calls.police(12, way), kbps=12),
    *both_ways("media.police", "video", lambda way: calls.police(128, way), kbps=128),
    *both_ways("media.size_drop", "webrtc", lambda way: calls.size_drop(90, way), over=90),
    *both_ways("media.size_drop", "video", lambda way: calls.size_drop(200, way), over=200),
    *both_ways("media.size_drop", "video", lambda way: calls.size_drop(200, way, 0.6), over=200),
    *both_ways("media.size_drop", "steady", lambda way: calls.size_drop(108, way, onset=5), over=108),
    *both_ways("media.delay", "webrtc", lambda way: calls.delay(80, 0, way), ms=80),
    *both_ways("media.delay", "webrtc", lambda way: calls.delay(200, 40, way), ms=200, jitter_ms=40),
]
NETWORK: list[Made] = [
    ("udp.block", "webrtc", "both", calls.block(), {}),
    ("udp.block", "webrtc", "down", calls.block("down"), {}),
    ("port.block", "webrtc", "both", calls.block(ports=[3478]), {"port": 3478}),
    ("port.block", "webrtc", "both", calls.block(ports=[3471, 3478]), {"port": "3471,3478"}),
    ("udp.opaque_drop", "webrtc", "both", calls.block(roles=["call", "random"]), {}),
    ("udp.opaque_drop", "webrtc", "down", calls.block("down", roles=["call", "random"], p=0.5), {}),
    ("udp.freeze", "webrtc", "both", calls.freeze(25, whom=calls.everything), {"after_packets": 25}),
    ("udp.freeze", "whatsapp", "both", calls.freeze(40, whom=calls.everything), {"after_packets": 40}),
    ("udp.freeze", "webrtc", "down", calls.freeze(30, direction="down", whom=calls.everything), {"after_packets": 30}),
]


def label(made: Made) -> str:
    rule, app, way, _, parameters = made
    return "-".join((rule, app, way, *(f"{key}={value}" for key, value in parameters.items())))


def verdict_of(app: str, boxes: Sequence[calls.Box], seed: int = 1) -> Verdict:
    line = calls.Line(boxes, apps=(app,), seed=seed, budget_bytes=20_000_000 if app == "video" else 4_000_000)
    return judge(calls.check(line))[0]


def holds(parameter: Number | Category, truth: float | str) -> bool:
    if isinstance(parameter, Category):
        return parameter.value == truth
    assert not isinstance(truth, str)
    return (parameter.low is None or parameter.low <= truth) and (parameter.high is None or truth <= parameter.high)


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("made", SETUP + MEDIA + NETWORK, ids=label)
def test_named_right_each_way(made: Made, line: str):
    rule, app, way, box, parameters = made
    verdict = verdict_of(app, [box, *LINES[line]()])
    assert (verdict.state, verdict.rule, verdict.direction) == (rules()[rule].state, rule, way)
    for key, truth in parameters.items():
        assert holds(verdict.parameters[key], truth), (key, truth, verdict.parameters[key])


def test_over_ipv6_a_policer_counts_larger_headers():
    """48 bytes a packet instead of 28."""
    facts = calls.check(calls.Line([calls.police(14, "up", header=48)], seed=2, family=6))
    verdict = judge(facts)[0]
    assert (verdict.rule, verdict.direction) == ("media.police", "up")
    assert holds(verdict.parameters["kbps"], 14)


def test_two_mechanisms_at_once_name_the_stronger():
    verdict = verdict_of("webrtc", [calls.stage_drop(["stun"], "up"), calls.media_drop(0.02, "down")])
    assert (verdict.state, verdict.rule) == ("restricted", "stun.drop")


# ---------------------------------------------------------------- what the rules share


def twice_as_good(gain: float, other: float) -> Explanation:
    """How a view is named in which two rules explain that well."""
    from talkpath.verdict.rules import best as explanation
    from talkpath.verdict.rules.rule import Fit, Rule

    one = Rule("one", "restricted", (), "", "", lambda view: Fit(gain, "up"), contrasts=(("rate", 0.5),))
    two = Rule("two", "restricted", (), "", "", lambda view: Fit(other, "up"), contrasts=(("watch", None),), patience=4)
    return explanation.best_of([one, two], arm_view(calls.check(calls.Line()), Arm("webrtc", "webrtc", "voice")))


def test_rules_that_tie_are_alternatives_and_want_their_contrasts():
    explanation = twice_as_good(20.0, 18.0)
    assert (explanation.rule, explanation.alternatives) == ("media.unknown", ("one", "two"))
    assert list(explanation.wanted()) == [(("rate", 0.5), 4), (("watch", None), 4)]


def test_a_rule_that_comes_close_is_put_to_a_contrast_but_named():
    explanation = twice_as_good(1000.0, 980.0)
    assert (explanation.rule, explanation.alternatives) == ("one", ())
    assert list(explanation.wanted()) == [(("rate", 0.5), 4), (("watch", None), 4)]


def test_a_rule_without_rivals_wants_nothing_and_nothing_is_unknown():
    assert (twice_as_good(1000.0, 100.0).rule, list(twice_as_good(1000.0, 100.0).wanted())) == ("one", [])
    assert twice_as_good(0.9, 0.9) == Explanation("media.unknown", ())


def test_nothing_is_named_on_a_line_that_restricts_nothing():
    """Explanation is no accusation: on a clean line no rule explains anything."""
    facts = calls.check(calls.Line())
    assert explain_arm(arm_view(facts, Arm("webrtc", "webrtc", "voice"))).rivals == ()


def test_gain_is_the_log_likelihood_above_the_twins():
    """By hand, packet by packet."""
    facts = calls.check(calls.Line([calls.media_drop(0.5, "up")], seed=3))
    losses = next(losses for losses in losses_of(facts.epochs[0]) if losses.direction == "up")
    extra = 0.4
    loss = 1 - (1 - losses.chance) * (1 - extra)
    arrived = losses.sent - losses.lost
    by_hand = losses.lost * np.log(loss / losses.chance) + arrived * np.log((1 - loss) / (1 - losses.chance))
    assert losses.gains(np.array(extra)) == pytest.approx(losses.weight * losses.known * by_hand)


def test_twins_that_differ_more_than_chance_make_gains_smaller():
    even = losses_of(calls.check(calls.Line([calls.iid(0.1)], seed=4)).epochs[0])
    odd = losses_of(calls.check(calls.Line([calls.buckets(0.4, 0.6)], seed=4)).epochs[0])
    assert min(losses.weight for losses in odd) < 0.5 <= min(losses.weight for losses in even)


@pytest.mark.parametrize("kbps", [10.0, 20.0, 30.0])
def test_a_bucket_lets_its_rate_through(kbps: float):
    """Over a long call what passes is the rate, and the burst once."""
    facts = calls.check(calls.Line(seed=5))
    losses: DirectionLosses = next(losses for losses in losses_of(facts.epochs[2]) if losses.direction == "up")
    long = max((s for epoch in facts.epochs for s in losses_of(epoch)), key=lambda s: len(s.at_s))
    dropped = policed(long, np.array([kbps]), np.array([2000.0]), 28)[0]
    media = long.on("media", "control")
    passed = float((((1 - dropped) * (long.size + 28))[media]).sum())
    seconds = float(long.at_s[media].max() - long.at_s[media].min())
    assert passed == pytest.approx(kbps * 125 * seconds + 2000, rel=0.15)
    assert len(losses.at_s) > 0


# ---------------------------------------------------------------- the registry


def test_the_registry_is_the_table_of_the_design():
    assert set(rules()) >= BUILT
    assert {rule.id for rule in rules_of("closed")} == {"udp.block", "port.block", "udp.opaque_drop", "udp.freeze"}
    assert {rule.id for rule in rules_of("unreachable")} == {"address.block", "allowlist"}


def test_every_rule_has_its_words():
    for rule in rules().values():
        assert rule.means.endswith(".")
        assert rule.shown_by.endswith(".")
        assert len({parameter.name for parameter in rule.parameters}) == len(rule.parameters)


def test_the_closed_lists_have_their_words():
    assert set(STATES) == set(get_args(State))
    assert set(REASONS) == set(get_args(ReasonCode))
    assert list(FIELDS) == [field.name for field in fields(Verdict)]


def test_every_figure_is_listed():
    figures = verdict_of("webrtc", [calls.media_drop(0.3)]).figures
    listed = {name + end for name in FIGURES for end in ("", "_low", "_high")}
    assert {figure.replace("_down", "_up") for figure in figures} <= listed


def test_parameters_are_those_that_the_rule_declares():
    for made in SETUP + MEDIA + NETWORK:
        assert set(made[4]) <= {parameter.name for parameter in rules()[made[0]].parameters}


def test_a_rule_file_is_found_by_being_there():
    folder = ROOT / "src" / "talkpath" / "verdict" / "rules"
    with_rule = {path.stem for path in folder.glob("*.py") if "\nRULE = " in path.read_text(encoding="utf-8")}
    assert with_rule == {rule.replace(".", "_") for rule in rules()}


def test_the_committed_spec_is_current():
    page = runpy.run_path(str(ROOT / "scripts" / "write_spec.py"))["page"]()
    assert (ROOT / "spec" / "tp-002.md").read_text(encoding="utf-8") == page, "run scripts/write_spec.py tp-002"


def test_a_verdict_does_not_depend_on_the_order_of_flows():
    facts = calls.check(calls.Line([calls.media_drop(0.3, "up")], seed=6))
    turned = replace(facts, epochs=tuple(replace(epoch, flows=epoch.flows[::-1]) for epoch in facts.epochs))
    one, two = judge(facts)[0], judge(turned)[0]
    assert (one.rule, one.direction) == (two.rule, two.direction)
    assert one.log10_e == pytest.approx(two.log10_e, abs=1e-9)


def test_a_way_without_extra_loss_is_none_of_the_rule():
    """Slots have patterns of their own; only what the exact test sees, too, is read by rules about media."""
    facts = calls.check(calls.Line([calls.media_drop(0.5, "up"), calls.police(12, whom=calls.everything)], seed=3))
    view = arm_view(facts, Arm("webrtc", "webrtc", "voice"))
    assert view.worse == ("up",)
    assert arm_view(calls.check(calls.Line()), Arm("webrtc", "webrtc", "voice")).worse == ("up", "down")
