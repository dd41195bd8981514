"""A goal is missed only where the exact interval excludes it; a single false accusation always misses."""

from __future__ import annotations

from made_rows import ARM, BATTERY, MISSED, RIGHT, battery, row
from msgspec.structs import replace

from talkpath.lab.scoring.metrics.goals import Goal, goals, missed

OK = ("ok",) * len(BATTERY)


def standing(rows: list[object], name: str) -> str:
    (found,) = [goal for goal in goals(rows) if name in goal.name]  # type: ignore[arg-type]
    return found.standing


def test_one_false_word_is_one_too_many() -> None:
    fine = [battery(*OK, seed=seed) for seed in range(500)]
    assert missed(goals(fine)) == []
    broken = [*fine, battery("restricted", *OK[1:], seed=501)]
    assert ["restricted" in goal.name for goal in missed(goals(broken))] == [True]


def test_also_on_backgrounds_that_nobody_tuned_to() -> None:
    assert missed(goals([battery("closed", *OK[1:], background="outage")]))


def test_a_check_that_broke_is_missed() -> None:
    broken = replace(row(), arms={ARM: "failed"}, said=(), failed="The check wrote no evidence.")
    assert "broke" in missed(goals([broken]))[0].name


def test_few_wrong_rules_do_not_decide_and_many_do() -> None:
    wrong = replace(RIGHT, rule="media.police", parameters={}, wrong=("rule",))
    few, many = [row(wrong)] + [row(RIGHT)] * 20, [row(wrong)] * 10 + [row(RIGHT)] * 20
    assert standing(few, "a wrong rule") == "open"
    assert standing(many, "a wrong rule") == "missed"
    assert standing([row(RIGHT)] * 20, "a wrong rule") == "held"


def test_coverage_of_the_worst_background() -> None:
    off = replace(RIGHT, wrong=("p",), figures={})
    rows = [row(RIGHT)] * 30 + [row(off, background="ge")] * 10
    assert standing(rows, "worst background (ge)") == "missed"


def test_directions() -> None:
    bent = replace(RIGHT, direction="both", wrong=("direction",))
    assert standing([row(bent)] * 10 + [row(RIGHT)] * 10, "direction right") == "missed"


def speedy(known_at_s: float | None, count: int = 40) -> list[object]:
    said = replace(RIGHT, known_at_s=known_at_s) if known_at_s else MISSED
    return [row(said, study="speed", blocks=100)] * count


def test_seconds() -> None:
    assert standing(speedy(2.0), "median") == "held"
    assert standing(speedy(4.0), "median") == "missed"
    assert standing(speedy(4.0), "the same: 90 %") == "held"
    assert standing(speedy(2.0, 30) + speedy(None, 10), "the same: 90 %") == "missed"
    assert standing(speedy(2.0, 35) + speedy(None, 5), "the same: 90 %") == "open"


def test_all_apps_together() -> None:
    assert standing([battery(*OK)], "MB") == "held"
    assert standing([battery(*OK, size_bytes=4_100_000)], "MB") == "missed"
    assert standing([battery(*OK, seconds=61.0)], "seconds") == "missed"


def test_a_goal_beside_the_gate_fails_nothing() -> None:
    assert missed([Goal("told as it is", "≤ 1.5", "2.1", "40", "missed", gate=False)]) == []
