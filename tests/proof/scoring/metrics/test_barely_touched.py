"""Barely touched arms are neither hit nor unaffected."""

from __future__ import annotations

import pytest
from made_rows import ARM, RIGHT, row

from proof.scoring.metrics import rates
from proof.scoring.metrics.barely_touched import barely_touched_arms
from proof.scoring.page.tables import wrong_list
from talkpath.verdict.statistics.proportion import Proportion

MEET = "meet/sfu/voice"
ONLY_ITS_OPENING = "media.size_drop,direction=down,over=150"


@pytest.mark.parametrize(
    ("rule", "is_touched"),
    [
        (ONLY_ITS_OPENING, True),  # four packets of its first second; a handshake is set-up
        ("media.size_drop,direction=down,over=60", False),  # most of its media
        ("media.size_drop,direction=down,over=1100", False),  # nothing
        ("media.size_drop,direction=down,app=signal,over=150", False),
    ],
)
def test_what_is_hardly_taken(rule: str, is_touched: bool) -> None:
    assert barely_touched_arms(row(RIGHT, arms={ARM: "restricted", MEET: "ok"}, rules=(rule,))) == (
        {MEET} if is_touched else set()
    )


def test_what_is_hit_is_not_hardly_touched() -> None:
    assert (
        barely_touched_arms(
            row(RIGHT, arms={ARM: "restricted", MEET: "ok"}, hit=(ARM, MEET), rules=(ONLY_ITS_OPENING,))
        )
        == set()
    )


def test_it_is_counted_apart_and_listed() -> None:
    one = row(RIGHT, arms={ARM: "restricted", MEET: "restricted"}, rules=(ONLY_ITS_OPENING,))
    assert rates.false_accusations(one) == []
    assert rates.unfounded_counts([one]).restricted == Proportion(0, 0)
    assert rates.hardly_touched([one]) == Proportion(1, 1)
    assert "of which less than 1 % is taken" in "".join(wrong_list([one]))


def test_no_other_state_is_excused() -> None:
    one = row(RIGHT, arms={ARM: "restricted", MEET: "closed"}, rules=(ONLY_ITS_OPENING,))
    assert rates.false_accusations(one) == [(MEET, "closed")]
