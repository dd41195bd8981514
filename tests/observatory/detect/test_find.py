"""Counts in, events out: dates, rules, order, what feeds a normal and what does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talkpath.errors import UsageError
from talkpath.observatory.detect.assumptions import FOLDER_ASSUMPTIONS, OBSERVATORY_ASSUMPTIONS
from talkpath.observatory.detect.country import roll_up
from talkpath.observatory.detect.counts import ReportCounts
from talkpath.observatory.detect.find import find_events
from talkpath.observatory.events.record import event_details

FIRST = date(2025, 8, 1)


def row(
    pattern: str, source: str = "probe", reports: int = 6, restricted: int = 4, **said: object
) -> list[ReportCounts]:
    """One character a day: R `restricted` of `reports`, o none of them, . nothing measured; taps: R many, o two."""
    found = []
    for at, mark in enumerate(pattern):
        if mark == ".":
            continue
        k = restricted if mark == "R" else 2 if source == "tap" else 0
        fields = {"network": "AS64496", "rules": {"media.drop": k} if k and source != "tap" else {}, **said}
        day = (FIRST + timedelta(days=at)).isoformat()
        fields |= {"source": source, "reports": k if source == "tap" else reports, "restricted": k}
        found.append(ReportCounts(day=day, country="XX", app="telegram", medium="voice", **fields))
    return found


def told(events):
    return [(event.kind, event.onset_low, event.onset_high, event.level) for event in events]


def test_a_restriction_is_dated_between_two_measured_days():
    events = find_events(row("o" * 6 + "..RRRR", restricted=6), FOLDER_ASSUMPTIONS)
    assert told(events) == [("began", "2025-08-06", "2025-08-09", "confirmed")]
    assert (events[0].count, events[0].rule, events[0].sources) == (24, "media.drop", ("probe",))
    assert events[0].share_low < 1 <= events[0].share_high


def test_one_report_is_a_signal_and_no_more():
    assert told(find_events(row("ooooR", reports=1, restricted=1), FOLDER_ASSUMPTIONS))[0][3] == "signal"


def test_it_ends_and_begins_again():
    events = find_events(row("oooRRRRRRooooooRRRR", restricted=6), FOLDER_ASSUMPTIONS)
    assert [(event.kind, event.onset_high, event.level) for event in events] == [
        ("began", "2025-08-04", "confirmed"),
        ("ended", "2025-08-10", "confirmed"),
        ("began", "2025-08-16", "confirmed"),
    ]
    assert events[1].began == events[0].id
    assert events[1].onset_low == "2025-08-09"


def test_a_second_source_that_does_not_agree_keeps_it_unconfirmed():
    probes, taps = row("oooooRRRRRR"), row("ooooooooooo", "tap")
    assert told(find_events(probes + taps, FOLDER_ASSUMPTIONS))[0][3] == "signal"
    agreeing = row("oooooRRRRRR", "tap", restricted=25)
    assert told(find_events(probes + agreeing, FOLDER_ASSUMPTIONS))[0][3] == "confirmed"


def test_restricted_since_the_first_day_is_not_its_own_normal():
    """Beside peers that are not: it is found, and not lost when the first days are long enough ago to be a normal."""
    peers = [one for network in range(4) for one in row("o" * 150, network=f"AS6450{network}")]
    hit = row("R" * 150, restricted=3)
    events = [event for event in find_events(peers + hit, OBSERVATORY_ASSUMPTIONS) if event.network == "AS64496"]
    assert [(event.kind, event.onset_low) for event in events] == [("began", None)]


def test_another_rule_on_two_days_is_a_change():
    later = row("." * 10 + "RRR", rules={"stun.drop": 4})
    began, changed = find_events(row("oooooRRRRR") + later, FOLDER_ASSUMPTIONS)
    assert (began.rule, changed.rule, changed.kind, changed.began) == ("media.drop", "stun.drop", "changed", began.id)
    assert (changed.onset_low, changed.onset_high) == ("2025-08-10", "2025-08-11")
    assert began.rules == {"media.drop": 20, "stun.drop": 12}


def test_one_source_alone_does_not_change_what_another_still_names():
    other = row("..........RRR", "browser", rules={"stun.drop": 40}, reports=40, restricted=40)
    events = find_events(row("oooooRRRRRRRR") + other, FOLDER_ASSUMPTIONS)
    assert [event.kind for event in events] == ["began"]


def test_what_nobody_can_place_is_no_network():
    assert (
        find_events([ReportCounts("ZZ", "AS0", "max", "voice", "2025-08-01", "probe", 9, 9)], FOLDER_ASSUMPTIONS) == []
    )


def test_a_day_that_is_none_is_said_so():
    with pytest.raises(UsageError, match="written as"):
        find_events([ReportCounts("XX", "AS1", "max", "voice", "yesterday", "probe", 9, 9)], FOLDER_ASSUMPTIONS)


@settings(max_examples=25)
@given(st.text("Ro.", min_size=1, max_size=30), st.randoms())
def test_late_split_and_shuffled_counts_give_the_same_events(pattern, random):
    """Whoever computes again from all counts, in whatever order they came, finds what everybody finds."""
    whole = row(pattern, reports=4, restricted=2) + row(pattern, "browser", reports=9)
    halves = [half for one in whole if one.restricted % 2 == 0
              for half in [_part(one, 2)] * 2] + [one for one in whole if one.restricted % 2]  # fmt: skip
    shuffled = random.sample(halves, len(halves))
    assert find_events(shuffled, OBSERVATORY_ASSUMPTIONS) == find_events(halves, OBSERVATORY_ASSUMPTIONS)
    assert told(find_events(whole, OBSERVATORY_ASSUMPTIONS)) == told(find_events(shuffled, OBSERVATORY_ASSUMPTIONS))


def _part(one: ReportCounts, of: int) -> ReportCounts:
    from msgspec.structs import replace as changed

    rules = {rule: count // of for rule, count in one.rules.items()}
    return changed(one, reports=one.reports // of, restricted=one.restricted // of, rules=rules)


def test_a_shift_in_time_shifts_every_date():
    events = find_events(row("ooooooRRRRRRoooooooo"), FOLDER_ASSUMPTIONS)
    later = find_events(row("." * 40 + "ooooooRRRRRRoooooooo"), FOLDER_ASSUMPTIONS)
    moved = [replace_day(event.onset_high, 40) for event in events]
    assert [event.onset_high for event in later] == moved
    assert len(events) == 2


def replace_day(day: str, by: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=by)).isoformat()


def test_assumptions_can_be_changed_one_by_one():
    strict = replace(FOLDER_ASSUMPTIONS, confirmed_years=10_000.0)
    assert told(find_events(row("ooooRR", reports=1, restricted=1), strict))[0][3] == "signal"


def test_reports_and_people_of_an_event_are_of_the_same_sources():
    probes = row("oooooooRRRRRR", restricted=6, contributors=6, restricted_contributors=3)
    taps = row("oooooooRRRRRR", "tap", restricted=40, contributors=25, restricted_contributors=25)
    (event,) = find_events([*probes, *taps], FOLDER_ASSUMPTIONS)
    assert (event.count, event.contributors) == (36, 3)
    assert event.taps > 200


def test_an_event_that_only_taps_tell_counts_their_people():
    (event,) = find_events(row("o" * 40 + "RRRRRR", "tap", restricted=40, contributors=25, restricted_contributors=25))
    assert (event.count, event.contributors, event.level) == (0, 25, "signal")


def test_one_contributor_and_taps_alone_confirm_nothing_where_two_are_asked_for():
    """And one where one is asked for; what two people report is as before."""
    probes = row("oooooooRRRRRR", restricted=6, contributors=1, restricted_contributors=1)
    taps = row("oooooooRRRRRR", "tap", restricted=40, contributors=25, restricted_contributors=25)
    two = replace(FOLDER_ASSUMPTIONS, least_people=2)
    (confirmed,) = find_events([*probes, *taps], FOLDER_ASSUMPTIONS)
    (signal,) = find_events([*probes, *taps], two)
    assert (confirmed.level, signal.level) == ("confirmed", "signal")
    assert signal.known == {"signal": confirmed.known["signal"]}
    others = row("oooooooRRRRRR", restricted=6, contributors=2, restricted_contributors=2)
    assert find_events([*others, *taps], two)[0].level == "confirmed"


def test_an_event_says_which_version_of_ip_it_is_about_where_that_is_known():
    hit = row("ooooooRRRR", families={"4": 3, "6": 1})
    (event,) = find_events(hit, FOLDER_ASSUMPTIONS)
    assert (event.families, event.ip_versions) == ({"4": 12, "6": 4}, "4 6")
    assert "over IPv4 (12), IPv6 (4)" in list(event_details(event))
    assert roll_up([event], hit)[0].families == {"4": 12, "6": 4}
    (unknown,) = find_events(row("ooooooRRRR"), FOLDER_ASSUMPTIONS)
    assert unknown.families == {}
    assert not any(said.startswith("over") for said in event_details(unknown))
