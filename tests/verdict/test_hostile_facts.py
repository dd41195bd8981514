"""Facts within all bounds that were made to be slow to judge: long epochs, many epochs, sizes of every kind."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from factories.checks.slow_facts import slow_facts_of
from talkpath.verdict.judge import judge_facts

MOST_CPU_S = 20.0


@pytest.mark.long
@pytest.mark.parametrize(
    ("epochs", "slots", "stage", "size", "cut"),
    [
        (8, 1000, "media", lambda place: (80, 120, 200, 333)[place % 4], True),
        (100, 50, "media", lambda place: (80, 120, 200, 333)[place % 4], True),
        (2, 6000, "control", lambda place: 60 + place, False),
        (2, 3000, "media", lambda place: 60 + place, False),
    ],
    ids=["long epochs", "many epochs", "keepalives of every size", "media of every size"],
)
def test_made_up_facts_are_judged_in_seconds(
    epochs: int, slots: int, stage: str, size: Callable[[int], int], cut: bool
) -> None:
    hostile = slow_facts_of(epochs, slots, stage, size, cut=cut)
    began_s = time.process_time()
    (verdict,) = judge_facts(hostile)
    assert time.process_time() - began_s < MOST_CPU_S
    assert verdict.state == "restricted"
