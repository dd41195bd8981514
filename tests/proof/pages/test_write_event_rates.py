"""The page of event rates: a row for every case, its sentences are the writer's, and what it measured is as it says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proof.pages import write_event_rates
from proof.pages.write_event_rates import (
    CHUNK,
    CONFIRMED,
    EVENT_RATES_PAGE,
    HIT,
    LEVELS,
    QUIET,
    RESISTANT,
    SIGNAL,
    Case,
    Row,
    event_cases,
    event_rates_page,
    measure_case,
)
from talkpath.observatory.detect.assumptions import OBSERVATORY_ASSUMPTIONS, VOUCHED

NETWORKS = 300  # of the page's first row
LINES = EVENT_RATES_PAGE.read_text(encoding="utf-8").splitlines()
ROWS = {
    line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:-1]]
    for line in LINES
    if line.startswith("| ")
}
NEVER = "–, –"
QUIET_CASES = [case for case in event_cases() if not case.world.hit]
HIT_CASES = [case for case in event_cases() if case.world.hit]
NOT_PROMISED = [case for case in QUIET_CASES if case.says.endswith(": not promised")]
each_quiet = pytest.mark.parametrize("case", QUIET_CASES, ids=lambda case: case.says)
each_hit = pytest.mark.parametrize("case", HIT_CASES, ids=lambda case: case.says)


def network_years(case: Case) -> float:
    """How long the case was simulated for the page."""
    networks = int(NETWORKS * case.size)
    chunks = range(0, networks, CHUNK)  # added up as `measure_case` does: 365 a year and a country is rounded
    return sum(min(CHUNK, networks - at) * case.world.days / 365 for at in chunks)


def found_in(case: Case) -> dict[int, int]:
    """How many events the page tells of each level, where nothing is restricted."""
    return {level: int(cell.partition(" ")[0]) for level, cell in zip(LEVELS, ROWS[case.says][1:4], strict=True)}


def attacked_years(case: Case) -> float:
    """Years of apps and media that are lied about, on days on which they are; all years where nobody lies."""
    world = case.world
    streams = 1 if world.flood else world.streams
    return network_years(case) * streams * (1 - max(world.flood_from, world.liars_from) / world.days)


def is_vouched(case: Case) -> bool:
    """Whether any checks have a receipt of a listed server."""
    return any(case.world.volumes[: len(VOUCHED)])


def is_denied(case: Case) -> bool:
    """Whether a listed server denies the restriction."""
    return case.world.deny and not set(VOUCHED).isdisjoint(case.world.flood)


def median_days(cell: str) -> float:
    """The first number of a cell of delays; infinite for a dash."""
    first = cell.partition(",")[0]
    return float("inf") if first == "–" else int(first)


def hidden_share(case: Case) -> float:
    """On which share of the networks nothing was confirmed, as the page tells."""
    return int(ROWS[case.says][7]) / int(ROWS[case.says][0])


def test_every_case_is_on_the_page_and_no_other():
    told = [says for says, cells in ROWS.items() if says.startswith(("nothing", "a restriction", "100 %", "60 %"))]
    assert told == [case.says for case in QUIET_CASES + HIT_CASES]


def test_the_pages_sentences_are_the_writers():
    sentences = event_rates_page([], NETWORKS).splitlines()
    assert [line for line in sentences if line not in LINES and not line.startswith("SIMULATED")] == []
    years = sum(network_years(case) * case.world.streams for case in event_cases())
    assert [line for line in LINES if line.startswith(f"SIMULATED day counts, {years:,.0f} years")] != []


@each_quiet
def test_bounds_and_country_follow_from_what_was_found(case: Case):
    row = Row(case, network_years(case), found_in(case), begin={}, end={}, early=0)
    assert write_event_rates._quiet_line(row) in LINES


@each_quiet
def test_no_more_is_found_where_nothing_is_than_is_promised(case: Case):
    """Counted over what is attacked alone; signals are promised where nobody lies, attack-resistant in all rows."""
    rules, world = OBSERVATORY_ASSUMPTIONS, case.world
    rates = {level: count / attacked_years(case) for level, count in found_in(case).items()}
    assert rates[RESISTANT] <= 1 / rules.resistant_years
    assert case in NOT_PROMISED or rates[CONFIRMED] <= 1 / (
        rules.minority_years if world.liars else rules.confirmed_years
    )
    assert world.liars or world.flood or rates[SIGNAL] <= 1 / rules.signal_years


def test_what_is_not_promised_is_named_and_is_found():
    """Whoever holds all listed servers of a network, or checks with all, day after day; and nothing less than that."""
    captured = [
        case
        for case in QUIET_CASES
        if case.world.flood.keys() & set(VOUCHED)
        and case.world.lying_servers == case.world.servers
        and case.world.flood_days > 1
    ]
    assert captured == NOT_PROMISED
    assert sorted(case.world.servers for case in NOT_PROMISED) == [1, 1, 2]
    assert all(found_in(case)[CONFIRMED] > 0 for case in NOT_PROMISED)
    told = next(line for line in LINES if line.startswith("Promised although these lie"))
    assert "Not promised where the only listed server" in told
    assert "nor where somebody runs checks from many address blocks" in told


def test_a_year_without_anything_has_no_confirmed_event():
    found = found_in(QUIET_CASES[0])
    assert (found[CONFIRMED], found[RESISTANT]) == (0, 0)


@each_hit
def test_nothing_is_ended_early_and_nothing_else_accused(case: Case):
    *_, early, false = ROWS[case.says]
    assert early == "0"
    assert int(false) / (network_years(case) * case.world.streams) <= 1 / OBSERVATORY_ASSUMPTIONS.confirmed_years


@each_hit
def test_no_more_is_hidden_than_is_told(case: Case):
    if case.world.hit == 0.3 or not is_vouched(case):
        assert hidden_share(case) == 1
        assert ROWS[case.says][2] == ROWS[case.says][5] == NEVER
    elif is_denied(case):
        assert hidden_share(case) <= 1 / 4
    elif case.world.hit == 0.6:
        assert hidden_share(case) <= 1 / 10
    else:
        assert hidden_share(case) == 0


def test_what_is_hidden_is_told():
    told = next(line for line in LINES if line.startswith("What honesty costs"))
    for words in (
        "One that hits 30 % is a first sign for ever now",
        "so is whatever only reports tell that nobody vouches for, for ever",
        "In these rows one that hits 60 % takes up to three weeks and is hidden on up to one network of ten",
        "is not hidden, unless a listed server denies it as often as all probes check: then it takes four weeks, and "
        "is hidden on up to one network of four",
    ):
        assert words in told
    denied = [case.world for case in HIT_CASES if is_denied(case)]
    assert [world.flood["probe"] for world in denied] == [world.volumes[0] for world in denied]


@each_hit
def test_delays_are_as_told(case: Case):
    _, signal, confirmed, _, end_signal, end_confirmed, *_ = ROWS[case.says]
    if case.world.flood and not case.world.deny:  # liars made one before
        assert signal == NEVER
    else:
        assert median_days(signal) <= 3
    assert median_days(end_signal) <= 4
    if case.world.listed_from:
        told = next(line for line in LINES if line.startswith("What honesty costs"))
        assert f"is confirmed on the {median_days(confirmed)}th, {median_days(confirmed) - 2:.0f} days later." in told
    elif hidden_share(case) < 1:
        assert median_days(confirmed) <= (28 if is_denied(case) else 21 if case.world.hit == 0.6 else 7)
        assert median_days(end_confirmed) <= 7


@each_hit
def test_attack_resistant_needs_three_listed_servers(case: Case):
    _, _, confirmed, resistant, *_, end, _, _, _ = ROWS[case.says]
    if case.world.servers < 3:
        assert (resistant, end) == (NEVER, NEVER)
    else:
        assert median_days(confirmed) <= median_days(resistant) <= HIT.end - HIT.begin
        accused = case.world.flood and not case.world.deny
        assert end == NEVER if accused else median_days(end) <= HIT.days - HIT.end


def test_a_row_is_measured_and_told():
    all_hit = replace(HIT, hit=1.0, days=120, begin=80, end=100, streams=4)
    quiet = measure_case(Case("nothing", replace(QUIET, days=40, streams=2)), 2, 1)
    three = measure_case(Case("three", replace(all_hit, servers=3)), 2, 1)
    unvouched = measure_case(Case("unvouched", replace(all_hit, volumes=write_event_rates.UNSIGNED)), 2, 1)
    assert (quiet.years, quiet.false[CONFIRMED]) == (pytest.approx(80 / 365), 0)
    assert all(1 <= days <= 5 for level in (SIGNAL, CONFIRMED, RESISTANT) for days in three.begin[level])
    text = event_rates_page([quiet, three, unvouched], 2)
    assert "| nothing | 0 x 2 | 0 (" in text
    assert "| three | 2 | 1, " in text
    line = next(line for line in text.splitlines() if line.startswith("| unvouched | 2 | 1, "))
    assert line.split(" | ")[3:5] == [NEVER, NEVER]
    assert line.endswith(" | 2 | 0 | 0 |")


def test_the_bound_of_a_rate_is_poissons():
    assert write_event_rates._upper_rate_bound(0, 1.0) == pytest.approx(2.996, abs=1e-3)
    assert write_event_rates._upper_rate_bound(3, 2.0) == pytest.approx(7.754 / 2, abs=1e-3)
