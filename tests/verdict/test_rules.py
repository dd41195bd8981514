"""What the rules share, and their registry. Each rule has a test of its own in rules/."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from msgspec.structs import fields, replace

from factories.checks import boxed
from factories.checks.rule_cases import verdict_of
from proof.pages import write_spec
from proof.pages.spec_words import FIELD_TEXTS, FIGURE_TEXTS, REASON_TEXTS, STATE_TEXTS
from talkpath.apps.contract.shape import Arm
from talkpath.verdict.flows.arm_view import arm_view
from talkpath.verdict.flows.direction_losses import losses_of
from talkpath.verdict.judge import judge_facts
from talkpath.verdict.model import ReasonCode, State, Verdict
from talkpath.verdict.rules import all_rules, rules_of
from talkpath.verdict.rules.best import Explanation, explain_arm
from talkpath.wire.control.question import RateContrast, WatchedCalls

ROOT = Path(__file__).parents[2]


def test_two_mechanisms_at_once_name_the_stronger():
    verdict = verdict_of("webrtc", [boxed.stage_drop(["stun"], "up"), boxed.media_drop(0.02, "down")])
    assert (verdict.state, verdict.rule) == ("restricted", "stun.drop")


# ---------------------------------------------------------------- what the rules share


def twice_as_good(gain: float, other: float) -> Explanation:
    """How a view is named in which two rules explain that well."""
    from talkpath.verdict.rules import best as explanation
    from talkpath.verdict.rules.rule import Fit, Rule

    one = Rule("one", "restricted", (), "", "", lambda view: Fit(gain, "up"), contrasts=(RateContrast(0.5),))
    two = Rule("two", "restricted", (), "", "", lambda view: Fit(other, "up"), contrasts=(WatchedCalls(),), patience=4)
    return explanation.best_fit([one, two], arm_view(boxed.play_check(boxed.Line()), Arm("webrtc", "webrtc", "voice")))


def test_rules_that_tie_are_alternatives_and_want_their_contrasts():
    explanation = twice_as_good(20.0, 18.0)
    assert (explanation.rule, explanation.alternatives) == ("media.unknown", ("one", "two"))
    assert list(explanation.wanted()) == [(RateContrast(0.5), 4), (WatchedCalls(), 4)]


def test_a_rule_that_comes_close_is_put_to_a_contrast_but_named():
    explanation = twice_as_good(1000.0, 980.0)
    assert (explanation.rule, explanation.alternatives) == ("one", ())
    assert list(explanation.wanted()) == [(RateContrast(0.5), 4), (WatchedCalls(), 4)]


def test_a_rule_without_rivals_wants_nothing_and_nothing_is_unknown():
    assert (twice_as_good(1000.0, 100.0).rule, list(twice_as_good(1000.0, 100.0).wanted())) == ("one", [])
    assert twice_as_good(0.9, 0.9) == Explanation("media.unknown", ())


def test_a_rule_whose_bound_is_no_rival_is_not_fitted():
    """The explanation is the same as if it had been."""
    from talkpath.verdict.rules import best as explanation
    from talkpath.verdict.rules.rule import Fit, Rule

    view = arm_view(boxed.play_check(boxed.Line()), Arm("webrtc", "webrtc", "voice"))
    fitted: list[str] = []

    def dear(gain: float, bound: float) -> Rule:
        def explain(view: object) -> Fit:
            fitted.append(f"{gain:g}")
            return Fit(gain, "up")

        return Rule("dear", "restricted", (), "", "", explain, at_most=lambda view: bound)

    cheap = Rule("cheap", "restricted", (), "", "", lambda view: Fit(100.0, "up"))
    alone = explanation.best_fit([cheap], view)
    assert explanation.best_fit([dear(90.0, 96.9), cheap], view) == alone
    assert fitted == []
    assert explanation.best_fit([dear(90.0, 97.1), cheap], view) == alone
    assert explanation.best_fit([dear(98.0, 98.0), cheap], view).alternatives == ("cheap", "dear")
    assert fitted == ["90", "98"]


def test_nothing_is_named_on_a_line_that_restricts_nothing():
    """Explanation is no accusation: on a clean line no rule explains anything."""
    facts = boxed.play_check(boxed.Line())
    assert explain_arm(arm_view(facts, Arm("webrtc", "webrtc", "voice"))).rivals == ()


def test_gain_is_the_log_likelihood_above_the_twins():
    """By hand, packet by packet."""
    facts = boxed.play_check(boxed.Line([boxed.media_drop(0.5, "up")], seed=3))
    losses = next(losses for losses in losses_of(facts.epochs[0]) if losses.direction == "up")
    extra = 0.4
    loss = 1 - (1 - losses.chance) * (1 - extra)
    arrived = losses.sent - losses.lost
    by_hand = losses.lost * np.log(loss / losses.chance) + arrived * np.log((1 - loss) / (1 - losses.chance))
    assert losses.gains(np.array(extra)) == pytest.approx(losses.weight * losses.known * by_hand)


def test_twins_that_differ_more_than_chance_make_gains_smaller():
    even = losses_of(boxed.play_check(boxed.Line([boxed.independent_loss(0.1)], seed=4)).epochs[0])
    odd = losses_of(boxed.play_check(boxed.Line([boxed.lossy_buckets(0.4, 0.6)], seed=4)).epochs[0])
    assert min(losses.weight for losses in odd) < 0.5 <= min(losses.weight for losses in even)


# ---------------------------------------------------------------- the registry


def test_every_rule_has_a_test_of_its_own():
    tested = {path.stem.removeprefix("test_") for path in (Path(__file__).parent / "rules").glob("test_*.py")}
    assert {rule.replace(".", "_") for rule in all_rules()} <= tested


def test_which_rules_name_which_state():
    closed = {"udp.block", "port.block", "udp.opaque_drop", "udp.freeze", "residual"}
    assert {rule.id for rule in rules_of("closed")} == closed
    assert {rule.id for rule in rules_of("unreachable")} == {"address.block", "allowlist"}


def test_every_rule_has_its_words():
    for rule in all_rules().values():
        assert rule.means.endswith(".")
        assert rule.shown_by.endswith(".")
        assert len({parameter.name for parameter in rule.parameters}) == len(rule.parameters)


def test_the_closed_lists_have_their_words():
    assert set(STATE_TEXTS) == set(get_args(State))
    assert set(REASON_TEXTS) == set(get_args(ReasonCode))
    assert list(FIELD_TEXTS) == [field.name for field in fields(Verdict)]


def test_every_figure_is_listed():
    figures = verdict_of("webrtc", [boxed.media_drop(0.3)]).figures
    listed = {name + end for name in FIGURE_TEXTS for end in ("", "_low", "_high")}
    assert {figure.replace("_down", "_up") for figure in figures} <= listed


def test_a_rule_file_is_found_by_being_there():
    folder = ROOT / "src" / "talkpath" / "verdict" / "rules"
    with_rule = {path.stem for path in folder.glob("*.py") if "\nRULE = " in path.read_text(encoding="utf-8")}
    assert with_rule == {rule.replace(".", "_") for rule in all_rules()}


def test_the_committed_spec_is_current():
    page = write_spec.rules_page()
    assert (ROOT / "spec" / "tp-002.md").read_text(encoding="utf-8") == page, "run proof/pages/write_spec.py tp-002"


def test_a_verdict_does_not_depend_on_the_order_of_flows():
    facts = boxed.play_check(boxed.Line([boxed.media_drop(0.3, "up")], seed=6))
    turned = replace(facts, epochs=tuple(replace(epoch, flows=epoch.flows[::-1]) for epoch in facts.epochs))
    one, two = judge_facts(facts)[0], judge_facts(turned)[0]
    assert (one.rule, one.direction) == (two.rule, two.direction)
    assert one.log10_e == pytest.approx(two.log10_e, abs=1e-9)


def test_a_way_without_extra_loss_is_none_of_the_rule():
    """Slots have patterns of their own; only what the exact test sees, too, is read by rules about media."""
    facts = boxed.play_check(
        boxed.Line([boxed.media_drop(0.5, "up"), boxed.token_bucket(12, whom=boxed.is_udp)], seed=3)
    )
    view = arm_view(facts, Arm("webrtc", "webrtc", "voice"))
    assert view.worse == ("up",)
    assert arm_view(boxed.play_check(boxed.Line()), Arm("webrtc", "webrtc", "voice")).worse == ("up", "down")
