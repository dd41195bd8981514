"""Charts of days: bars that can be seen, weeks, and days that nobody measured."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from talkpath.observatory.web.pictures.chart import WEEKS_FROM, Bar, bar_chart

FIRST = date(2025, 3, 1)


def days(count: int, share: float = 0.5, step: int = 1) -> list[Bar]:
    return [Bar((FIRST + timedelta(days=at)).isoformat(), share) for at in range(0, count, step)]


def drawn(found: list[Bar]) -> list[tuple[float, float]]:
    """(x, width) of each bar."""
    chart = bar_chart(found, "title", "said", "% of networks")
    shapes = [each.get("d") or "" for each in chart if (each.get("class") or "").startswith("bar")]
    return [(float(shape[1:].split(" ")[0]), float(shape.split("h")[1].split("v")[0])) for shape in shapes]


@pytest.mark.parametrize("count", [1, 7, 30, WEEKS_FROM, 100, 183])
def test_bars_are_at_least_four_pixels_wide(count: int):
    assert min(width for _, width in drawn(days(count))) >= 3.99


def test_of_many_days_a_bar_is_a_week_and_its_mean():
    assert len(drawn(days(98))) == 14
    mixed = [Bar(bar.day, 1.0 if at % 2 else 0.0) for at, bar in enumerate(days(70))]
    heights = [each.get("d") for each in bar_chart(mixed, "", "", "") if (each.get("class") or "").startswith("bar")]
    assert len(heights) == 10


def test_a_day_that_nobody_measured_has_no_mark_and_one_without_any_sign_has():
    none = bar_chart([Bar("2025-08-01", 0.0), Bar("2025-08-03", 0.0)], "", "", "")
    assert [each.get("class") for each in none if (each.get("class") or "").startswith("bar")] == ["bar ok", "bar ok"]
    places = [x for x, _ in drawn([Bar("2025-08-01", 0.0), Bar("2025-08-02", 0.0), Bar("2025-08-04", 0.0)])]
    assert places[2] - places[1] == pytest.approx(2 * (places[1] - places[0]), abs=0.2)


def test_the_axis_is_named_and_a_simulation_is_marked():
    texts = [each.text for each in bar_chart(days(3), "title", "said", "% of networks", "SIMULATED")]
    assert "% of networks" in texts
    assert "SIMULATED" in texts
