"""What the detector takes in: bases as sources, taps of a folder."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from factories.checks.dated_bundles import write_dated_bundles
from factories.observatories.network_days import network_day
from talkpath.errors import FileError
from talkpath.observatory.detect.assumptions import OBSERVATORY_ASSUMPTIONS
from talkpath.observatory.detect.find import find_events
from talkpath.observatory.events.record import event_details
from talkpath.observatory.findings.detector_input import (
    counts_of_days,
    counts_of_index,
    counts_of_taps,
    folder_counts,
)
from talkpath.observatory.index.queries import DayCount
from talkpath.verdict.model import Basis

TAP = '{"day":"2025-08-13","network":"AS64496","country":"XX","app":"max","medium":"voice","simulated":true}\n'


def test_a_folder_gives_probes_and_taps(tmp_path: Path):
    write_dated_bundles(tmp_path)
    (tmp_path / "taps.jsonl").write_text(TAP * 3 + "\n" + TAP.replace("2025-08-13", "2025-08-14"))
    found = {(one.source, one.day): one for one in folder_counts(tmp_path)}
    assert {key: (one.restricted, one.reports) for key, one in found.items()} == {
        ("probe", "2025-08-11"): (0, 1), ("probe", "2025-08-13"): (2, 2),
        ("tap", "2025-08-13"): (3, 3), ("tap", "2025-08-14"): (1, 1),
    }  # fmt: skip
    accused = found["probe", "2025-08-13"]
    assert accused.rules == {"media.drop": 2}
    assert list(accused.servers.values()) == [(2, 2)]
    assert len(set(accused.bundles)) == 2
    assert found["tap", "2025-08-13"].simulated


def test_a_line_that_is_no_tap_is_named(tmp_path: Path):
    (tmp_path / "taps.jsonl").write_text(TAP + '{"day": 1}\n')
    with pytest.raises(FileError, match=r"Line 2 of taps\.jsonl"):
        list(counts_of_taps(tmp_path / "taps.jsonl"))
    assert list(counts_of_taps(tmp_path / "none.jsonl")) == []


def test_every_basis_is_heard_as_a_source():
    bases = Basis.__args__  # type: ignore[attr-defined]
    sources = {
        basis: next(counts_of_days([network_day("max", "voice", "2025-08-13", ok=1, basis=basis)])).source
        for basis in bases
    }
    assert set(sources.values()) == {"probe", "browser", "capture", "endpoints"}
    assert sources["webrtc"] == "browser"
    assert sources["call"] == "capture"
    assert sources["address"] == "endpoints"


def test_people_who_say_restricted_are_at_least_those_who_cannot_all_have_said_otherwise():
    (found,) = counts_of_days([replace(network_day("max", "voice", "2025-08-13", restricted=4, ok=2), contributors=5)])
    assert (found.contributors, found.restricted_contributors) == (5, 3)


SERVERS = {"a": "Anna", "b": "Anna", "c": "Cem"}


def checked(day: date, asked: dict[str, tuple[int, int]], network: str = "AS64496") -> DayCount:
    """What listed servers vouch for on a day: (reports, those that say restricted) by key."""
    reports, restricted = (sum(counts[at] for counts in asked.values()) for at in (0, 1))
    return DayCount(
        country="XX", network=network, app="max", medium="voice", day=day.isoformat(), restricted=restricted,
        ok=reports - restricted, source="probe", basis="shape", listed=True, reports=reports, unreachable=0,
        undecided=0, failed=0, consistent=0, contributors=9, restricted_contributors=9, rules={}, directions={},
        families={},
        responders={key: counts[0] for key, counts in asked.items()},
        responders_restricted={key: counts[1] for key, counts in asked.items() if counts[1]}, bundles=(), p=None,
        simulated=False,
    )  # fmt: skip


def test_the_servers_of_one_operator_are_one_witness_beside_those_of_another():
    day = date(2026, 3, 1)
    beside = checked(day, {"a": (3, 2), "b": (4, 1), "c": (5, 0), "d": (1, 1)})
    alone = checked(day, {"a": (3, 2), "b": (4, 1)}, "AS64497")
    first, second = counts_of_index([beside, alone], operators=SERVERS)
    assert first.servers == {"Anna": (7, 3), "Cem": (5, 0), "d": (1, 1)}
    assert second.servers == {"a": (3, 2), "b": (4, 1)}


def test_many_servers_of_one_operator_alone_make_nothing_hard_to_fake():
    """They are two witnesses: one that is broken into confirms nothing, all of one hand are no three sources."""
    days = [date(2026, 1, 1) + timedelta(days=at) for at in range(100)]
    counts = [checked(day, dict.fromkeys("abcd", (9, 9 if at >= 70 else 0))) for at, day in enumerate(days)]
    (first,) = counts_of_index(counts[:1], operators=dict.fromkeys("abcd", "Anna"))
    assert first.servers == {"a": (9, 0), "b": (27, 0)}
    of_many, of_one = (
        {event.level for event in find_events(counts_of_index(counts, operators=known), OBSERVATORY_ASSUMPTIONS)}
        for known in ({}, dict.fromkeys("abcd", "Anna"))
    )
    assert "attack-resistant" in of_many
    assert of_one == {"confirmed"}


def test_an_event_says_on_how_many_test_servers_it_rests():
    """A server that says nothing is restricted is none; of what ended each one that was asked since is one. In a
    made-up country each counts as a listed one."""
    days = [date(2026, 1, 1) + timedelta(days=at) for at in range(130)]
    said = {"a": (4, 4), "c": (4, 4), "d": (1, 0)}
    counts = [checked(day, said if 70 <= at < 100 else dict.fromkeys("acd", (4, 0))) for at, day in enumerate(days)]
    began, ended = find_events(counts_of_index(counts), OBSERVATORY_ASSUMPTIONS)
    assert [(one.kind, one.level, one.servers) for one in (began, ended)] == [
        ("began", "confirmed", 2),
        ("ended", "attack-resistant", 3),
    ]
    assert any(line.endswith("with 2 test servers") for line in event_details(began))
    (made_up,) = counts_of_index([replace(checked(days[0], said), simulated=True, listed=False)])
    assert made_up.servers == said


def test_one_operator_with_two_of_three_listed_servers_confirms_nothing():
    """The third server says each day that calls pass. While keys were counted, the two confirmed it."""
    days = [date(2026, 1, 1) + timedelta(days=at) for at in range(100)]
    lies = {"a": (20, 20), "b": (20, 20), "c": (4, 0)}
    counts = [checked(day, lies if at >= 70 else dict.fromkeys("abc", (4, 0))) for at, day in enumerate(days)]
    by_key, by_operator = (
        {event.level for event in find_events(counts_of_index(counts, operators=known), OBSERVATORY_ASSUMPTIONS)}
        for known in ({}, SERVERS)
    )
    assert "confirmed" in by_key
    assert by_operator == {"signal"}
