"""Two rows of the same check are compared: which differences are found, and which rows count."""

from __future__ import annotations

import pytest
from made_rows import MISSED, RIGHT, row
from msgspec.structs import replace

from proof.scoring.driver_agreement import driver_agreement, paired_rows
from proof.scoring.page.tables import disagreement_list
from talkpath.verdict.statistics.proportion import Proportion

APART = [
    (RIGHT, ()),
    (MISSED, ("state",)),
    (replace(RIGHT, rule="media.police", parameters={}), ("rule",)),
    (replace(RIGHT, direction="both"), ("direction",)),
    (replace(RIGHT, parameters={"p": (0.31, 0.4, 0.5)}), ("p",)),
    (replace(RIGHT, parameters={"p": (0.25, None, None)}), ()),
]


@pytest.mark.parametrize(("real", "apart"), APART)
def test_where_they_disagree(real: object, apart: tuple[str, ...]) -> None:
    (found,) = paired_rows([row(RIGHT)], [row(real, driver="netns")])  # type: ignore[arg-type]
    assert found.apart == apart
    assert len(list(disagreement_list([found]))) == len(apart)


def test_only_the_same_seeds_are_held_together() -> None:
    assert paired_rows([row(RIGHT, seed=1)], [row(RIGHT, seed=2)]) == []


def test_a_late_machine_counts_for_nothing() -> None:
    late = row(replace(MISSED, state="insufficient", reason="late"), driver="netns")
    found = paired_rows([row(RIGHT)], [late])
    assert driver_agreement(found).void == 1
    assert driver_agreement(found).state == Proportion(0, 0)
    assert list(disagreement_list(found)) == []


def test_agreement_in_numbers() -> None:
    rows = [(row(RIGHT, seed=n), row(said, seed=n, driver="netns")) for n, (said, _) in enumerate(APART)]
    found = driver_agreement(paired_rows([one for one, _ in rows], [other for _, other in rows]))
    assert (found.state, found.rule, found.direction) == (Proportion(5, 6), Proportion(4, 5), Proportion(3, 4))
    assert found.overlap == Proportion(2, 3)
    assert (found.right_sim, found.right_real) == (Proportion(6, 6), Proportion(5, 6))
