"""A seed always draws the same check, as its study defines it."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from proof.scoring.draw import (
    CLOSED_KINDS,
    RELEASE_SEEDS,
    DrawnCheck,
    Narrow,
    draw_check,
    draw_null,
    draw_rules,
    first_seed,
    one_arm_seeds,
)
from proof.scoring.late_onsets import ONSET_KINDS
from proof.scoring.settings import drawn_mechanisms
from talkpath.apps.contract.shape import Arm
from talkpath.experiment.plan import choose_arms
from talkpath.lab.backgrounds import background_kinds
from talkpath.lab.drivers.sim import SIM_PORTS
from talkpath.lab.ground_truth import rule_hits
from talkpath.lab.restrictor import parse_rule
from talkpath.lab.restrictor.media_drop import LEAST_P
from talkpath.lab.scenario import Scenario

SEEDS = range(1, 2401)


@pytest.fixture(scope="module")
def drawn() -> list[DrawnCheck]:
    return [draw_check(seed) for seed in SEEDS]


def test_a_seed_is_one_check() -> None:
    assert draw_check(17) == draw_check(17)
    assert draw_check(17) != draw_check(18)


@pytest.mark.long
def test_the_unit_is_an_arm_of_the_check_and_every_rule_hits_it(drawn: list[DrawnCheck]) -> None:
    for one in drawn:
        assert one.unit in one.arms
        assert one.study == "light" or bool(one.rules) == (one.study != "null")
        scenario = Scenario.parse(one.background, one.rules, one.seed, one.family)
        for rule in scenario.rules:
            assert rule_hits([rule], (one.unit,), SIM_PORTS), one


def test_the_design_spreads(drawn: list[DrawnCheck]) -> None:
    studies = Counter(one.study for one in drawn)
    assert studies["null"] > 100
    assert studies["rules"] > 150
    assert studies["speed"] > 30
    assert {rule.partition(",")[0] for one in drawn for rule in one.rules} == {
        mechanism.id for mechanism in drawn_mechanisms()
    }
    assert {one.background.partition(",")[0] for one in drawn} == set(background_kinds())
    assert {len(one.arms) for one in drawn} > {1, len(choose_arms())}
    effects = [parse_rule(rule) for one in drawn for rule in one.rules if rule.startswith("media.drop")]
    assert LEAST_P <= min(rule.number("p") for rule in effects) < 0.05
    assert max(rule.number("p") for rule in effects) > 0.5


def test_a_few_checks_have_fewer_bytes_with_and_without_a_restriction(drawn: list[DrawnCheck]) -> None:
    light = [bool(one.rules) for one in drawn if one.study == "light"]
    assert 0.03 < len(light) / len(drawn) < 0.07
    assert {True, False} == set(light)


def test_nulls_are_mostly_whole_batteries(drawn: list[DrawnCheck]) -> None:
    null = [one for one in drawn if one.study == "null"]
    assert sum(one.arms == choose_arms() for one in null) > 0.7 * len(null)
    assert any(background_kinds()[one.background.partition(",")[0]].unseen for one in null)


def test_no_restriction_is_drawn_where_no_udp_passes(drawn: list[DrawnCheck]) -> None:
    assert not [one for one in drawn if one.rules and one.background in CLOSED_KINDS]


def test_each_release_has_seeds_of_its_own() -> None:
    starts = {first_seed(number, version) for number in (1, 2) for version in ("0.1.0", "0.1.1")}
    assert len(starts) == 4
    assert all(start % RELEASE_SEEDS == 0 and start >= RELEASE_SEEDS for start in starts)


def test_the_sample_are_checks_of_one_arm() -> None:
    chosen = one_arm_seeds(SEEDS, 5)
    assert len(chosen) == 5
    assert all(len(draw_check(seed).arms) == 1 for seed in chosen)
    assert one_arm_seeds(range(1, 4), 100) == [seed for seed in range(1, 4) if len(draw_check(seed).arms) == 1]


def test_narrowed() -> None:
    one = draw_rules(3, Random("narrow"), Narrow("media.delay", "ge", "one"))
    assert one.rules[0].startswith("media.delay,")
    assert (one.background, len(one.arms)) == ("ge", 1)
    assert isinstance(one.unit, Arm)


def test_who_works_on_the_method_sees_no_unseen_background() -> None:
    narrow = Narrow(unseen=False)
    drawn = [draw_null(seed, Random(seed), narrow) for seed in range(200)]
    drawn += [draw_rules(seed, Random(seed), Narrow("media.drop", arms="one", unseen=False)) for seed in range(50)]
    assert not [one for one in drawn if background_kinds()[one.background.partition(",")[0]].unseen]


@pytest.mark.long
def test_late_restrictions_have_an_onset_and_act_on_their_unit(drawn: list[DrawnCheck]) -> None:
    late = [check for check in drawn if check.study == "late"]
    assert 0.1 < len(late) / len(drawn) < 0.2
    assert {check.lateness for check in late} == set(ONSET_KINDS)
    moved = {check.lateness for check in late if check.background.startswith("nat_rebind")}
    assert moved
    assert not any(kind.startswith("freeze") for kind in moved)
    for check in late:
        assert 0.0 <= check.onset_s <= 61.0
        assert rule_hits([parse_rule(text) for text in check.rules], (check.unit,), SIM_PORTS)
        if "after_s" in check.rules[0]:
            assert f"after_s={check.onset_s:g}" in check.rules[0]
    assert all(not check.lateness for check in drawn if check.study != "late")
