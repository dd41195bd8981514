"""Every mechanism has its own test file, and declares how `proof score` draws it."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from proof.scoring.settings import drawn_mechanisms, rule_text
from talkpath.apps import shapes
from talkpath.lab.drivers.sim import SIM_PORTS
from talkpath.lab.ground_truth import rule_hits
from talkpath.lab.restrictor import mechanism_kinds, parse_rule

MECHANISMS = list(mechanism_kinds().values())


@pytest.mark.parametrize("mechanism", MECHANISMS, ids=lambda mechanism: mechanism.id)
def test_a_mechanism_has_a_test_file_that_plays_it(mechanism):
    file = Path(__file__).with_name(f"test_{mechanism.id.replace('.', '_')}.py")
    assert file.exists(), f"write tests/lab/restrictor/{file.name}: what {mechanism.id} drops of a real flow"
    text = file.read_text(encoding="utf-8")
    assert "def test_" in text
    assert f'"{mechanism.id}' in text


@pytest.mark.parametrize("mechanism", MECHANISMS, ids=lambda mechanism: mechanism.id)
def test_a_mechanism_is_drawn_by_lab_score_or_says_why_not(mechanism):
    drawing = mechanism.drawing
    assert (drawing.weight > 0) == (drawing.why_never == "")
    assert (mechanism in drawn_mechanisms()) == (drawing.weight > 0)


def test_no_two_mechanisms_have_one_place_in_the_draw():
    by_order: dict[int, list[str]] = {}
    for mechanism in MECHANISMS:
        if mechanism.drawing.weight:
            by_order.setdefault(mechanism.drawing.order, []).append(mechanism.id)
    free = next(number for number in range(1, len(by_order) + 2) if number not in by_order)
    twice = [names for names in by_order.values() if len(names) > 1]
    assert not twice, f"two have one Drawing.order: {twice}; the next free one is {free}"
    assert free == len(by_order) + 1, f"no mechanism has Drawing.order {free}; a new one takes that"


@pytest.mark.long
@pytest.mark.parametrize(
    "mechanism", [each for each in MECHANISMS if each.drawing.weight], ids=lambda mechanism: mechanism.id
)
def test_what_is_drawn_is_a_rule_that_often_acts(mechanism):
    acts = 0
    for number, arm in enumerate(shapes()):
        text = rule_text(Random(number), mechanism, arm)
        if text:
            rule = parse_rule(text)
            assert rule.id == mechanism.id
            acts += bool(rule_hits([rule], [arm], SIM_PORTS))
    assert acts
