"""The page of event rates: a row for every case, and the promises hold in what it measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proof.pages import write_event_rates
from proof.pages.write_event_rates import (
    CONFIRMED,
    HIT,
    QUIET,
    RESISTANT,
    SIGNAL,
    Case,
    event_cases,
    event_rates_page,
    measure_case,
)
from talkpath.observatory.detect.assumptions import OBSERVATORY_ASSUMPTIONS

ROWS = {
    line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:-1]]
    for line in write_event_rates.EVENT_RATES_PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ")
}


def test_every_case_is_on_the_page():
    assert [case.says for case in event_cases() if case.says not in ROWS] == []


@pytest.mark.parametrize("case", [case for case in event_cases() if not case.world.hit], ids=lambda case: case.says)
def test_no_more_is_found_where_nothing_is_than_is_promised(case: Case):
    """One source may be captured for `confirmed`, two for `attack-resistant`."""
    size, _, *found = ROWS[case.says]
    years, streams = map(int, size.split(" x "))
    confirmed, resistant = (int(cell.partition(" ")[0]) / (years * streams) for cell in found)
    assert resistant <= 1 / OBSERVATORY_ASSUMPTIONS.resistant_years
    assert len(case.world.flood) > 1 or confirmed <= 1 / OBSERVATORY_ASSUMPTIONS.confirmed_years


def test_a_year_without_anything_has_no_confirmed_event():
    assert [cell.partition(" ")[0] for cell in ROWS["nothing, for a year"][2:]] == ["0", "0"]


@pytest.mark.parametrize("case", [case for case in event_cases() if case.world.hit >= 0.6], ids=lambda case: case.says)
def test_nothing_is_hidden_or_ended_early(case: Case):
    networks, *_, hidden, early, false = ROWS[case.says]
    years = int(networks) * case.world.streams * case.world.days / 365
    assert (hidden, early) == ("0", "0")
    assert int(false) / years <= 1 / OBSERVATORY_ASSUMPTIONS.confirmed_years


def test_delays_are_as_promised():
    delays = [int(cell.partition(",")[0]) for cell in ROWS["a restriction that hits 60 %"][1:7]]
    assert all(days <= most for days, most in zip(delays, (3, 5, 10) * 2, strict=True))


def test_a_row_is_measured_and_told():
    quiet = measure_case(Case("nothing", replace(QUIET, days=40, streams=2)), 2, 1)
    hit = measure_case(Case("all", replace(HIT, hit=1.0, days=120, begin=80, end=100, streams=4)), 2, 1)
    assert (quiet.years, quiet.false[CONFIRMED]) == (pytest.approx(80 / 365), 0)
    assert all(1 <= days <= 5 for level in (SIGNAL, CONFIRMED, RESISTANT) for days in hit.begin[level])
    text = event_rates_page([quiet, hit], 2)
    assert "| nothing | 0 x 2 | 0 (" in text
    assert "| all | 2 | 1, " in text


def test_the_bound_of_a_rate_is_poissons():
    assert write_event_rates._upper_rate_bound(0, 1.0) == pytest.approx(2.996, abs=1e-3)
    assert write_event_rates._upper_rate_bound(3, 2.0) == pytest.approx(7.754 / 2, abs=1e-3)
