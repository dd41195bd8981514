"""Stored bundles judged again: what changed is said, and nothing else."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

import talkpath
from print_sentences import verdict_of_state
from talkpath.report.rejudge import rejudge, show_judgement, verdict_changes

LAB = Path(__file__).parents[1] / "capture" / "lab"


def plain(**more: Any) -> dict[str, Any]:
    made: dict[str, Any] = msgspec.to_builtins(verdict_of_state(**more))
    return made


@pytest.fixture(scope="module")
def check() -> talkpath.Bundle:
    result = talkpath.simulate("media.drop,app=webrtc,p=0.5", apps=["webrtc"], seed=5)
    return talkpath.read_bundle(result.bundle())


@pytest.fixture(scope="module")
def recording() -> talkpath.Bundle:
    return talkpath.read_bundle(talkpath.read_capture(LAB / "drop30-up-far.pcap.gz").bundle())


def test_the_same_is_no_change() -> None:
    assert verdict_changes([plain(), plain(app="signal")], [plain(), plain(app="signal")]) == []


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ({"state": "ok", "rule": None, "direction": None}, "state ok -> restricted"),
        ({"rule": "media.police"}, "rule media.police -> media.drop"),
        ({"direction": "both"}, "direction both -> up"),
        ({"log10_e": None}, "log10 e None -> 5.2"),
        ({"log10_e": 5.2 + 2e-9}, "log10 e 5.200000002 -> 5.2"),
    ],
)
def test_each_difference_is_named(before: dict[str, Any], change: str) -> None:
    (sentence,) = verdict_changes([plain(**before)], [plain()])
    assert sentence.startswith("telegram voice: ")
    assert change in sentence


def test_rounding_is_no_change() -> None:
    assert verdict_changes([plain(log10_e=5.2 + 1e-10)], [plain()]) == []


def test_other_figures_are_no_change() -> None:
    assert verdict_changes([plain(watched_s=9.9, figures={})], [plain()]) == []


def test_a_verdict_that_was_not_there_is_a_change() -> None:
    (sentence,) = verdict_changes([], [plain()])
    assert "state None -> restricted" in sentence


@pytest.mark.long
def test_a_check_is_judged_from_its_facts(check: talkpath.Bundle) -> None:
    judged = rejudge(check)
    assert judged.changes == ()
    assert [found.state for found in judged.verdicts] == ["restricted"]
    assert judged.record["verdicts"] == check.verdict["verdicts"]
    assert judged.record["truth"]["hit"][0]["rule"] == "media.drop"


def test_a_stored_verdict_is_only_compared(check: talkpath.Bundle) -> None:
    other = dict(check.verdict, verdicts=[dict(check.verdict["verdicts"][0], state="ok", rule=None, direction=None)])
    judged = rejudge(msgspec.structs.replace(check, verdict=other))
    assert [found.state for found in judged.verdicts] == ["restricted"]
    assert len(judged.changes) == 1
    assert "state ok -> restricted" in judged.changes[0]


def test_a_recording_is_judged_call_by_call(recording: talkpath.Bundle) -> None:
    judged = rejudge(recording)
    assert (judged.changes, [found.app for found in judged.verdicts]) == ((), ["webrtc"])
    assert judged.record["file"] == "-"
    (call,) = recording.verdict["calls"]
    other = dict(recording.verdict, calls=[dict(call, verdict=dict(call["verdict"], state="ok"))])
    (change,) = rejudge(msgspec.structs.replace(recording, verdict=other)).changes
    assert change.startswith("call 1, webrtc voice: state ok -> insufficient")


def test_a_recording_has_no_name_in_its_bundle(recording: talkpath.Bundle) -> None:
    out = io.StringIO()
    show_judgement(Console(file=out, width=100), recording, rejudge(recording))
    assert out.getvalue().startswith("a recording: ")
