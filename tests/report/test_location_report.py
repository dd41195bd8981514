"""A place in words: routers by number and kind, what limits the sentence, and no address anywhere."""

from __future__ import annotations

from typing import get_args

import jsonschema
import msgspec
import pytest
from rich.console import Console

from talkpath.measure.facts import Facts, Plan
from talkpath.report import location_report
from talkpath.report.location_report import LocateResult, location_json, no_place_reasons, place_sentence, show_places
from talkpath.report.words import sentences
from talkpath.verdict.bases.hops import HopLoss, Place, Why
from talkpath.verdict.model import Reason, Verdict

NAMED = Place("telegram", "tgcalls", "voice", "stun.drop", "up", 1, 2, True, 4, "", {1: "home", 2: "provider"},
              (HopLoss(1, 0.0, 0.1, 1.0, 1, "home"), HopLoss(2, 0.9, 1.0, 1.0, 1, "provider")))  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "It acts between router 1 (your own) and router 2 (inside a provider's network), "
             "counted from this device."),
        ({"after": 0, "by": 1}, "It acts between this device and router 1 (your own), counted from this device."),
        ({"after": 3, "by": None}, "It acts between router 3 and the test server, counted from this device."),
        ({"direction": "down", "after": 0, "by": 3},
         "It acts between the test server and router 3, counted from the test server."),
        ({"direction": "down", "after": 3, "by": None},
         "It acts between router 3 and this device, counted from the test server."),
    ],
)  # fmt: skip
def test_between_which(changes: dict[str, object], said: str) -> None:
    assert place_sentence(msgspec.structs.replace(NAMED, **changes)) == said


def test_every_reason_has_its_words() -> None:
    assert set(no_place_reasons()) == set(get_args(Why))
    for why in get_args(Why):
        if why:
            assert place_sentence(msgspec.structs.replace(NAMED, why=why, after=None, by=None)).endswith(".")


def test_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    location_report.show_places(Console(width=100), [NAMED, msgspec.structs.replace(NAMED, located=False, by=None)])
    told = capsys.readouterr().out
    assert told.count("no proof of who does it") == 2
    assert "say nothing" in told
    assert "hides what lies behind it" in told


def test_json_fits_its_schema() -> None:
    written = msgspec.json.decode(msgspec.json.encode(location_json(Facts(Plan(())), [NAMED])))
    jsonschema.validate(written, msgspec.json.schema(LocateResult))
    assert written["schema"] == "talkpath.locate/1"
    assert written["places"][0]["kinds"] == {"1": "home", "2": "provider"}
    assert written["places"][0]["hops"][1]["low"] == 0.9


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (Verdict("signal", "ringrtc", "voice", "ok"), "nothing to locate"),
        (Verdict("signal", "ringrtc", "voice", "insufficient", reason=Reason("late")), "nothing to locate"),
        (Verdict("signal", "ringrtc", "voice", "restricted", "media.unknown", "both"), "could not be named"),
    ],
)
def test_what_has_no_place_is_told_of_all_the_same(verdict: Verdict, said: str) -> None:
    console = Console(record=True, width=200)
    show_places(console, [NAMED], [verdict, msgspec.structs.replace(verdict, app="telegram")])
    told = console.export_text()
    assert sentences.verdict_label(verdict) in told
    assert sentences.verdict_sentence(verdict) in told
    assert told.count(said) == 1
