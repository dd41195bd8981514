"""A goal is missed only where the exact interval excludes it; a single false accusation always misses."""

from __future__ import annotations

from made_rows import ARM, BATTERY, MISSED, RIGHT, battery, row
from msgspec.structs import replace

from proof.scoring.metrics.goals import Goal, missed_goals, score_goals

OK = ("ok",) * len(BATTERY)


def standing(rows: list[object], name: str) -> str:
    (found,) = [goal for goal in score_goals(rows) if name in goal.name]  # type: ignore[arg-type]
    return found.standing


def test_one_false_word_is_one_too_many() -> None:
    fine = [battery(*OK, seed=seed) for seed in range(500)]
    assert missed_goals(score_goals(fine)) == []
    broken = [*fine, battery("restricted", *OK[1:], seed=501)]
    assert ["restricted" in goal.name for goal in missed_goals(score_goals(broken))] == [True]


def test_also_on_backgrounds_that_nobody_tuned_to() -> None:
    assert missed_goals(score_goals([battery("closed", *OK[1:], background="outage")]))


def test_a_check_that_broke_is_missed() -> None:
    broken = replace(row(), arms={ARM: "failed"}, said=(), failed="The check wrote no evidence.")
    assert "broke" in missed_goals(score_goals([broken]))[0].name


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
    assert standing([battery(*OK, size_bytes=10_100_000)], "MB") == "missed"
    assert standing([battery(*OK, seconds=61.0)], "seconds") == "missed"


def test_a_goal_beside_the_gate_fails_nothing() -> None:
    assert missed_goals([Goal("told as it is", "≤ 1.5", "2.1", "40", "missed", gate=False)]) == []


def late(state: str, onset_s: float, count: int) -> list[object]:
    said = replace(MISSED, state=state)
    return [row(said, study="late", lateness="freeze after seconds", onset_s=onset_s)] * count


def test_ok_for_calls_that_are_hit_counts_up_to_the_seconds_that_calls_are_watched() -> None:
    name = "calls of two minutes are hit"
    assert standing(late("insufficient", 8.0, 100), name) == "held"
    assert standing(late("ok", 8.0, 10) + late("restricted", 8.0, 90), name) == "missed"
    assert standing(late("ok", 45.0, 100) + late("restricted", 8.0, 100), name) == "held"


def test_late_restrictions_do_not_count_where_rules_are_named() -> None:
    rows = [row(RIGHT)] * 20
    assert standing(rows + late("insufficient", 8.0, 100), "macro-F1") == standing(rows, "macro-F1") == "held"


def test_arms_decided_on_the_worst_line_that_is_fit_for_calls() -> None:
    def lines(kind: str, *states: str) -> list[object]:
        return [battery(*states, background=kind)] * 10

    half = ("ok",) * 4 + ("insufficient",) * (len(BATTERY) - 4)
    poor = ("impaired",) * len(BATTERY)
    assert standing(lines("clean", *OK) + lines("bufferbloat", *poor), "arms decided") == "held"
    assert standing(lines("clean", *OK) + lines("ecmp", *half), "worst background (ecmp)") == "missed"
