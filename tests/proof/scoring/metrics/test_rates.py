"""Rates are right for rows made by hand, each wrong in one way."""

from __future__ import annotations

from collections import Counter

import pytest
from made_rows import ARM, BATTERY, DROP, FINE, MISSED, RIGHT, battery, row
from msgspec.structs import replace

from proof.scoring.metrics import rates
from proof.scoring.row import RowVerdict, TrueEffect
from talkpath.verdict.statistics.proportion import Proportion

OK = ("ok",) * len(BATTERY)
DELAY = TrueEffect("media.delay", "restricted", "down", {"ms": 80.0, "jitter_ms": 0.0})


def test_nothing_is_false_where_nothing_is_said() -> None:
    assert rates.false_accusations(battery(*OK)) == []
    assert rates.unfounded_counts([battery(*OK)]).restricted == Proportion(0, len(BATTERY))


@pytest.mark.parametrize("state", ["restricted", "closed", "unreachable", "failed"])
def test_every_arm_is_counted(state: str) -> None:
    one = battery(*OK[:-2], state, state)
    assert rates.false_accusations(one) == [(arm, state) for arm in BATTERY[-2:]]
    found = rates.unfounded_counts([one, battery(*OK)])
    assert found.checks == Proportion(1, 2)
    if state != "failed":
        assert getattr(found, state) == Proportion(2, 2 * len(BATTERY))


def test_a_bystander_counts_and_the_one_that_is_hit_does_not() -> None:
    one = row(RIGHT, arms={ARM: "restricted", "meet/sfu/voice": "restricted"})
    assert rates.false_accusations(one) == [("meet/sfu/voice", "restricted")]
    assert rates.unfounded_counts([one]).restricted == Proportion(1, 1)


def test_another_state_than_the_true_one_is_false() -> None:
    assert rates.false_accusations(row(RIGHT, arms={ARM: "closed"})) == [(ARM, "closed")]


def test_a_closed_network_may_be_called_closed_and_no_more() -> None:
    assert rates.false_accusations(battery(*("closed",) * len(BATTERY), background="corporate")) == []
    assert rates.false_accusations(battery("restricted", *OK[1:], background="corporate")) == [
        (BATTERY[0], "restricted")
    ]


def test_found_named_straight() -> None:
    wrong_way = replace(RIGHT, direction="both", wrong=("direction",))
    wrong_rule = replace(RIGHT, rule="media.police", parameters={}, wrong=("rule",))
    unknown = replace(RIGHT, rule="media.unknown", parameters={}, wrong=("unknown",))
    rows = [row(said) for said in (RIGHT, wrong_way, wrong_rule, unknown, MISSED)]
    assert [rates.is_found(one) for one in rows] == [True, True, True, True, False]
    assert [rates.is_named(one) for one in rows] == [True, True, False, False, False]
    assert [rates.fully_right(one) for one in rows] == [True, False, False, False, False]
    assert [rates.wrong_rule(one) for one in rows] == [False, False, True, False, False]


def test_confusion_and_f1() -> None:
    counts = rates.confusion_counts([row(RIGHT), row(RIGHT), row(MISSED), row(FINE)])
    assert counts == Counter({("media.drop", "media.drop"): 2, ("media.drop", "nothing"): 1, ("nothing", "nothing"): 1})
    assert rates.f1_of(counts) == {"media.drop": 4 / 5, "nothing": 2 / 3}
    assert rates.macro_f1(counts) == pytest.approx((4 / 5 + 2 / 3) / 2)


def test_of_two_rules_the_named_one_is_the_truth() -> None:
    assert rates.true_rule(row(replace(RIGHT, real=(DELAY, DROP)))) == "media.drop"
    assert rates.true_rule(row(replace(MISSED, real=(DELAY, DROP)))) == "media.delay"


def held(said: object) -> dict[str, bool]:
    return {one.name: one.holds for one in rates.known_intervals(row(said))}  # type: ignore[arg-type]


def test_intervals() -> None:
    assert held(RIGHT) == {"media.drop p": True, "extra_loss": True}
    assert held(replace(RIGHT, wrong=("p",))) == {"media.drop p": False, "extra_loss": True}
    assert held(FINE) == {"extra_loss": True}
    assert held(replace(FINE, figures={"extra_loss_up": (0.002, 0.01, 0.02)})) == {"extra_loss": False}


def test_the_other_way_nothing_is_lost() -> None:
    other = replace(RIGHT, parameters={}, figures={"extra_loss_down": (0.0, 0.0, 0.01)})
    assert held(other) == {"extra_loss": True}


def test_what_is_not_known_beforehand_is_not_counted() -> None:
    assert held(replace(RIGHT, real=(replace(DROP, shares={}),))) == {"media.drop p": True}
    assert held(replace(RIGHT, real=(DROP, DELAY))) == {"media.drop p": True}
    wrong_rule = replace(RIGHT, wrong=("rule",), figures={})
    assert held(wrong_rule) == {}


def test_extra_loss_is_held_against_what_the_rule_could_drop() -> None:
    """Of what a check sent, a fifth of the half that comes after a box knows the call: a tenth of all."""
    half = replace(DROP, shares={"up": 0.5, "down": 0.0})
    assert held(replace(RIGHT, real=(half,))) == {"media.drop p": True, "extra_loss": True}
    narrow = {"extra_loss_up": (0.15, 0.2, 0.25)}
    assert held(replace(RIGHT, real=(half,), figures=narrow)) == {"media.drop p": True, "extra_loss": False}
    assert held(replace(RIGHT, figures=narrow)) == {"media.drop p": True, "extra_loss": True}


def test_what_a_line_does_to_each_flow_by_itself_is_not_known_beforehand() -> None:
    said = replace(RIGHT, figures={"extra_loss_up": (0.0, 0.0, 0.1)})
    assert [one.holds for one in rates.known_intervals(row(said))] == [True, False]
    assert [one.holds for one in rates.known_intervals(row(said, background="police_flow,kbps=30"))] == [True]


def test_delay_is_held_against_the_lab() -> None:
    said = replace(MISSED, real=(DELAY,), figures={"extra_delay_ms_down": (79.0, 80.0, 81.0)})
    assert held(said) == {"extra_delay_ms": True}
    assert held(replace(said, figures={"extra_delay_ms_up": (79.0, 80.0, 81.0)})) == {"extra_delay_ms": False}


def test_a_rule_for_closed_may_restrict_the_arm_that_begins_it() -> None:
    block = TrueEffect("residual", "closed", "both", {"for_s": 60.0})
    own = RowVerdict(ARM, "restricted", "residual", "both", real=(block,))
    assert rates.false_accusations(row(own, hit=(ARM,))) == []
    wrong = replace(own, wrong=("restricted",))
    assert rates.false_accusations(row(wrong, hit=(ARM,))) == [(ARM, "restricted")]
    assert rates.false_accusations(row(own, hit=())) == [(ARM, "restricted")]


def test_a_state_that_is_right_as_well_is_found_and_one_that_is_wrong_is_not() -> None:
    residual = TrueEffect("residual", "closed", "both", {"for_s": 60.0}, {})
    proven = replace(RIGHT, rule="residual", parameters={}, real=(residual,))
    said = row(replace(proven, state="restricted")), row(replace(proven, state="closed", wrong=("closed",)))
    assert [rates.is_found(one) for one in said] == [True, False]
    assert [rates.wrong_rule(one) for one in said] == [False, True]
