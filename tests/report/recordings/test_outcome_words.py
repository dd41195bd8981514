"""How a call was is said alike in the text, on the page and in the JSON."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, get_args

import pytest
from msgspec.structs import replace
from rich.console import Console

from talkpath.api.recording import Recording, read_capture
from talkpath.measure.call import Call, Findings
from talkpath.report.recordings.capture_sentences import call_sentence
from talkpath.report.recordings.capture_text import show_capture
from talkpath.report.recordings.clock import RecordingClock, minutes_and_seconds
from talkpath.report.recordings.outcome_words import CALL_OUTCOME_MARKS, OUTCOME_STATES, outcome_label, what_arrived
from talkpath.report.words.language import language, language_codes, speaking
from talkpath.verdict.bases.accompanied_call import call_verdicts
from talkpath.verdict.bases.call_outcome import Outcome, OutcomeKind, call_outcome

FIXTURES = sorted((Path(__file__).parents[2] / "capture" / "lab").glob("*.pcap.gz"))
BEGUN = RecordingClock(1_700_000_000_000_000_000, 60.0)


def as_text(recording: Recording, width: int = 200) -> str:
    out = io.StringIO()
    show_capture(Console(file=out, width=width), recording.name, recording.judged, clock=recording.clock)
    return out.getvalue()


@pytest.mark.parametrize("file", FIXTURES, ids=lambda file: file.name)
def test_text_page_and_json_say_the_same(file: Path) -> None:
    recording = read_capture(file)
    text, page, record = as_text(recording), recording.html(), recording.record
    judged = (*recording.judged.calls, *recording.judged.attempts)
    for one, object_ in zip(judged, (*record["calls"], *record["attempts"]), strict=True):
        call = one.call if isinstance(one.call, Call) else None
        signs = tuple(object_["outcome_signs"])
        outcome = Outcome(object_["outcome"], object_["outcome_s"], object_["outcome_direction"], signs)
        if object_ in record["calls"] or outcome.kind == "never_connected":
            assert outcome_label(outcome, recording.clock, call) in text
            assert outcome_label(outcome, recording.clock, call) in page
    for call, object_ in zip(recording.calls, record["calls"], strict=True):
        assert object_["outcome"] == call_outcome(call).kind
        mean = object_["verdict"]["figures"]["frozen_down_s"]
        assert ("stood still" in page) == (mean is not None and mean >= 0.05) or "freeze" in text


@pytest.mark.parametrize("kind", get_args(OutcomeKind))
@pytest.mark.parametrize("code", language_codes())
def test_every_outcome_has_words_a_mark_and_a_colour(kind: Any, code: str) -> None:
    with speaking(language(code)):
        told = outcome_label(Outcome(kind, 46.0), BEGUN)
    assert told
    assert kind in CALL_OUTCOME_MARKS
    assert kind in OUTCOME_STATES


def told_of(call: Call) -> str:
    findings = Findings(packets=9, duration_s=60.0, unread={}, calls=(call,), attempts=())
    return what_arrived(call, call_verdicts(findings)[0], call_outcome(call))


@pytest.mark.parametrize(("received", "requests", "told"), [(0, 12, True), (1, 12, False), (0, 2, False)])
def test_a_call_that_fell_back_to_tcp(received: int, requests: int, told: bool) -> None:
    """It carried nothing by UDP, though it asked there."""
    call = read_capture(FIXTURES[-1]).calls[0]
    (carrier, *_) = call.flows
    tcp = replace(carrier, protocol="tcp")
    udp = replace(carrier, packets_received=received, requests=requests, media_sent=0, media_received=0)
    assert ("UDP did not pass, TCP did" in told_of(replace(call, protocol="tcp", flows=(tcp, udp)))) == told
    assert "UDP did not pass" not in told_of(replace(call, flows=(carrier, udp)))


def test_how_sure_it_is_which_end_recorded_it() -> None:
    call = read_capture(FIXTURES[-1]).calls[0]
    sure = told_of(replace(call, guessed_ends=False, assumed_ends=False))
    assert "which of the two ends" not in sure
    assert "not certain" not in sure
    assert "that this end recorded it is likely, not certain" in told_of(
        replace(call, guessed_ends=False, assumed_ends=True)
    )
    assert "is a guess" in told_of(replace(call, guessed_ends=True, assumed_ends=True))


def test_the_time_is_the_files_where_it_has_one() -> None:
    assert outcome_label(Outcome("went_silent", 46.0), BEGUN) == "silent from 22:14:06 on"
    assert outcome_label(Outcome("went_silent", 46.0), RecordingClock()) == "silent from 0:46 on"
    assert (
        outcome_label(Outcome("unknown", 46.0, "received", ("silence",)), RecordingClock())
        == "silent from 0:46 on, or muted"
    )
    assert outcome_label(Outcome("went_silent", 3700.0), RecordingClock()) == "silent from 1:01:40 on"


def test_a_clock_that_was_never_set_is_not_told() -> None:
    """Some files begin at 1970, and have other times later."""
    jumps = RecordingClock(0, 1_657_225_118.0)
    assert jumps.begun == ""
    assert jumps.at(46.0) == "0:46"
    assert jumps.at(1_657_223_737.7) == "2022-07-07 19:55:37"


@pytest.mark.parametrize(("moment_s", "told"), [(0.0, "0:00"), (59.9, "0:59"), (61.0, "1:01"), (3600.0, "1:00:00")])
def test_minutes(moment_s: float, told: str) -> None:
    assert minutes_and_seconds(moment_s) == told


def test_no_loss_is_told_beside_a_silence() -> None:
    """What was lost in it is not known."""
    recording = read_capture(next(file for file in FIXTURES if file.name == "freeze-far.pcap.gz"))
    told = call_sentence(recording.judged.calls[0])
    assert "silent from 0:02 on; nothing came for" in told
    assert "did not arrive" not in told
    text, page = as_text(recording), recording.html()
    (line,) = [line for line in text.splitlines() if line.strip().startswith("received, voice")]
    assert "silent from" in line
    assert "lost" not in line
    assert page.count("missing: 0") == 2, "of what left this end alone, for the eye and for the ear"
    assert recording.verdicts[0].figures["loss_down_pct"] is None
    assert (recording.verdicts[0].figures["mos_down"] or 9) < 2


@pytest.mark.parametrize(
    ("closed", "file_end_s", "opened", "told"),
    [
        (True, 60.0, True, "it was hung up"),
        (False, 20.3, True, "the recording ends with it"),
        (False, 20.3, False, "the recording ends with it"),
        (False, 60.0, True, "it ended without a good-bye"),
        (False, 60.0, False, ""),
    ],
)
def test_how_a_call_ended_is_told_where_it_is_known(closed: bool, file_end_s: float, opened: bool, told: str) -> None:
    """An app of which no handshake was recorded may say its good-byes where nobody can read them."""
    ends = replace(read_capture(FIXTURES[-1]).calls[0], start_s=0.0, duration_s=20.0, control_end_s=20.0)
    text = told_of(replace(ends, closed=closed, file_end_s=file_end_s, opened=opened))
    every = ("it was hung up", "the recording ends with it", "it ended without a good-bye")
    assert [one for one in every if one in text] == [one for one in every if one == told]


def test_what_cannot_be_told_has_a_reason() -> None:
    call = read_capture(FIXTURES[-1]).calls[0]
    (verdict,) = call_verdicts(Findings(packets=9, duration_s=60.0, unread={}, calls=(call,), attempts=()))
    assert "this device may be why" in what_arrived(call, verdict, Outcome("unknown", signs=("clock",)))
    assert "this device may be why" not in what_arrived(call, verdict, Outcome("good"))
    cut = replace(call, partly_read=True)
    assert "cut too short to be read" in what_arrived(cut, verdict, Outcome("unknown", signs=("untold",)))
