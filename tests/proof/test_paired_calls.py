"""A small sample of `python -m proof paired`: chance and a browser's stack accuse nobody, a strong rule is found."""

from __future__ import annotations

import pytest

from proof.paired_calls import MOST_STACK_LOSS, PAIRED_BACKGROUNDS, draw_pair, judged_pair, paired_table


def test_no_pair_of_lines_without_a_rule_is_said_to_be_restricted():
    drawn = [draw_pair(seed) for seed in range(120)]
    assert {one.background for one in drawn} == set(PAIRED_BACKGROUNDS)
    assert max(one.stack_loss for one in drawn) > 0.9 * MOST_STACK_LOSS
    assert [one for one in drawn if judged_pair(one).state == "restricted"] == []


@pytest.mark.parametrize("drop", [0.5, 1.0])
def test_a_rule_on_clean_lines_is_found(drop: float):
    clean = [one for seed in range(90) if (one := draw_pair(seed, drop)).background == "clean" and not one.refused]
    assert len(clean) >= 4
    for one in clean:
        found = judged_pair(one)
        assert (found.state, found.side) == ("restricted", "between"), one
        held = {(each.route, each.sender) for each in found.routes if each.fate == "held_back"}
        assert held == {(one.route, one.sender)}


@pytest.mark.long
def test_the_table_has_a_row_for_each_background_and_strength():
    table = list(paired_table(6, 60))
    assert [line.split("|")[1].strip() for line in table[2:9]] == [*PAIRED_BACKGROUNDS, "all"]
    assert table[-1].startswith("| 100% | 60 | 100% ")
