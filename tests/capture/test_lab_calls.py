"""Real calls, Chromium to aiortc, recorded in the lab by scripts/record_lab_calls.py: what the network did is known."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

import score_captures
from talkpath.capture.calls.pairing import paired_calls
from talkpath.capture.calls.records import MeasuredCapture, measure_calls
from talkpath.capture.scan import scan_capture
from talkpath.capture.scrubbing.scrub import scrub_capture
from talkpath.measure.call import Call
from talkpath.verdict.bases.recorded_call import judge_attempt, judge_call

LAB = Path(__file__).parent / "lab"
TRUTH: dict[str, Any] = {entry["file"]: entry for entry in json.loads((LAB / "truth.json").read_text())}
CALLS = [name for name, entry in TRUTH.items() if entry["calls"]]
NEAR = [name for name in CALLS if "-far" not in name]


def read(name: str) -> MeasuredCapture:
    with (LAB / name).open("rb", buffering=0) as file:
        return measure_calls(scan_capture(file))


def far(name: str) -> str:
    return name.replace(".pcap", "-far.pcap")


def the_call(name: str) -> Call:
    (found,) = read(f"{name}.pcap.gz").findings.calls
    return found


def heard(name: str) -> Any:
    (stream,) = [one for one in the_call(name).streams if one.direction == "received" and one.medium == "voice"]
    return stream


def test_losses_packet_for_packet():
    """App, media, path, times, and of each stream as many losses as the network dropped."""
    assert score_captures.main(LAB) == 0
    assert sum(entry["calls"][0]["lost_received"] > 0 for entry in TRUTH.values() if entry["calls"]) >= 6


@pytest.mark.parametrize("name", NEAR)
def test_both_ends_together(name: str):
    """What left one end and never came to the other; where only media in mid-call was dropped, as many as the truth."""
    (pair,) = paired_calls(read(name), read(far(name)))
    assert pair.up is not None
    assert pair.down is not None
    lost = pair.up.lost, pair.down.lost
    truth = TRUTH[far(name)]["calls"][0]["lost_received"], TRUTH[name]["calls"][0]["lost_received"]
    if TRUTH[name]["rules"] and TRUTH[name]["rules"][0].startswith(("media.freeze", "media.size_drop")):
        assert all(counted > known for counted, known in zip(lost, truth, strict=True)), "nothing more came to count by"
    else:
        assert lost == truth


def test_direction():
    assert heard("drop30-up").lost == 0
    assert heard("drop30-up-far").lost > 0
    assert heard("drop10-down").lost > 0
    assert heard("drop10-down-far").lost == 0


def test_worse_loss_sounds_worse():
    marks = [heard(name).mos for name in ("voice", "drop10-down", "transit_loss", "drop30-up-far")]
    assert marks == sorted(marks, reverse=True)
    assert marks[0] > 4.3
    assert marks[-1] < 2.6


def test_reordered_and_doubled_packets_are_not_lost():
    stream = heard("reorder")
    assert (stream.lost, stream.reordered > 2, stream.duplicates > 2) == (0, True, True)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("voice", None),
        ("reorder", None),
        ("drop10-down", "media.drop"),
        ("drop30-up-far", "media.drop"),
        ("transit_loss", "media.drop"),
        ("freeze", "media.freeze"),
        ("size_drop", "media.size_drop"),
    ],
)
def test_what_it_is_consistent_with(name: str, first: str | None):
    verdict = judge_call(the_call(name))
    assert verdict.basis == "call"
    assert verdict.state == ("insufficient" if first else "ok")
    assert verdict.alternatives[:1] == ((first,) if first else ())


def test_parameters_hold_what_was_set():
    dropped: Any = judge_call(the_call("drop10-down")).parameters["p"]
    assert dropped.low < 0.1 < dropped.high
    frozen: Any = judge_call(the_call("freeze")).parameters["after_packets"]
    assert 200 < frozen.high < 320, "250 packets passed, set-up among them"


def test_a_call_that_went_dead_is_never_ok():
    """At the far end nothing else was recorded, so there is nothing to compare with."""
    verdict = judge_call(the_call("freeze-far"))
    assert (verdict.state, verdict.alternatives) == ("insufficient", ())


def test_set_up_that_was_dropped():
    (attempt,) = read("stun-drop.pcap.gz").findings.attempts
    assert (attempt.app, attempt.answered, attempt.answers) == ("webrtc", False, 0)
    assert judge_attempt(attempt).alternatives[0] == "stun.drop"
    (attempt,) = read("hello-drop.pcap.gz").findings.attempts
    assert attempt.answered
    assert judge_attempt(attempt).alternatives == ()


@pytest.mark.long
@pytest.mark.parametrize("name", CALLS)
def test_scrubbed_they_are_the_same(name: str):
    whole = io.BytesIO((LAB / name).read_bytes())
    safe = io.BytesIO()
    scrub_capture(whole, safe)
    (before,), (after,) = (
        read(name).findings.calls,
        measure_calls(scan_capture(io.BytesIO(safe.getvalue()))).findings.calls,
    )
    assert before.streams == after.streams
    assert judge_call(before) == judge_call(after)
