"""The page of one shared report: found by its id alone, and silent on what was taken back or is not judged yet."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast
from urllib.request import urlopen

import pytest

from talkpath.observatory.index.store import Store
from talkpath.observatory.log.records import Received
from talkpath.observatory.log.register import Known, State
from talkpath.observatory.web.shared_report import SharedReport, shared_report
from talkpath.report.words import sentences
from talkpath.report.words.language import language, language_codes, speaking

ID, DAY = "ab" * 32, "2026-11-24"


class Index:
    """A store that has these rows, and on that day so many people who measured each app."""

    def __init__(self, rows: Sequence[dict[str, Any]], people: Mapping[str, int]) -> None:
        self.rows, self.people, self.asked = rows, people, dict[str, str]()

    def lines(self, sql: str, **parameters: str) -> bytes:
        if "FROM day_count" in sql:
            counts = {"restricted": 1, "ok": 0, "closed": 0, "impaired": 0, "day": parameters["since"], "rule": None}
            keys = {name: parameters[name] for name in ("country", "network", "app", "medium")}
            assert parameters["since"] == parameters["until"] == DAY
            return json.dumps({**keys, **counts, "contributors": self.people.get(keys["app"], 1)}).encode()
        self.asked = parameters
        return "\n".join(map(json.dumps, self.rows)).encode()


def row(network: str = "AS64496", app: str = "webrtc") -> dict[str, Any]:
    country = "ZZ" if network == "AS0" else "XX"
    return {
        "country": country,
        "network": network,
        "app": app,
        "medium": "voice",
        "state": "restricted",
        "rule": "media.drop",
    }


def found(
    state: State, rows: Sequence[dict[str, Any]], name: str = ID, people: Mapping[str, int] = MappingProxyType({})
) -> SharedReport | None:
    known = Known(Received(ID, DAY, 9), state, DAY, "It tells no day.", 8)
    index = Index(rows, people)
    told = shared_report(lambda asked: known if asked == ID else None, cast(Store, index), 5, name)
    assert index.asked in ({}, {"report": ID, "day": DAY})
    return told


def test_a_judged_report_says_what_it_found_and_where_it_counts() -> None:
    told = found("judged", [row()])
    assert told is not None
    assert (told.state, told.day, told.network, told.country) == ("judged", DAY, "AS64496", "XX")
    assert [(one.app, one.state, one.rule) for one in told.verdicts] == [("webrtc", "restricted", "media.drop")]


@pytest.mark.parametrize(
    ("people", "shown"),
    [({}, ["webrtc", "signal"]), ({"webrtc": 5}, ["webrtc"]), ({"webrtc": 5, "signal": 9}, ["webrtc", "signal"])],
    ids=["its id is published nowhere", "beside what five measured", "five measured both"],
)
def test_whoever_finds_its_id_in_the_open_data_learns_nothing_that_too_few_measured(
    people: Mapping[str, int], shown: list[str]
) -> None:
    told = found("judged", [row(), row(app="signal")], people=people)
    assert told is not None
    assert [one.app for one in told.verdicts] == shown


def test_a_report_of_no_known_network_counts_for_none() -> None:
    told = found("judged", [row("AS0")])
    assert told is not None
    assert (told.network, told.country) == ("", "")


@pytest.mark.parametrize(
    ("state", "shown", "why"),
    [
        ("received", "received", ""),
        ("judged", "received", ""),
        ("withdrawn", "withdrawn", ""),
        ("unfit", "unfit", "It tells no day."),
    ],
)
def test_what_is_not_judged_or_no_longer_there_says_nothing_of_calls(state: State, shown: State, why: str) -> None:
    assert found(state, []) == SharedReport(id=ID, state=shown, why=why)


@pytest.mark.parametrize("name", ["", "cd" * 32, "../x", ID.upper()])
def test_no_other_address_shows_a_report(name: str) -> None:
    assert found("judged", [row()], name) is None


@pytest.mark.parametrize("code", language_codes())
def test_its_page_says_what_it_found_and_no_more_once_it_was_taken_back(served: str, code: str) -> None:
    with urlopen(f"{served}/{code}/report/{'ab' * 32}") as answer:
        page = answer.read().decode()
    with speaking(language(code)):
        label = sentences.state_labels()["restricted"]
    assert label in page
    assert f"/{code}/network/XX/AS64496" in page
    with urlopen(f"{served}/{code}/report/{'cd' * 32}") as answer:
        assert label not in answer.read().decode()
