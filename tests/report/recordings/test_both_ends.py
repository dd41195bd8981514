"""What both ends' recordings of a call say together: the paragraph, the figures and the advice agree."""

from __future__ import annotations

import io
from typing import Any

import pytest
from msgspec.structs import replace
from rich.console import Console

from talkpath.measure.call import Call, Findings, Flow, Moment, Paired, PairedDirection, Second, Stream
from talkpath.report.recordings.both_ends import judge_both_ends
from talkpath.report.recordings.capture_page import capture_page
from talkpath.report.recordings.capture_sentences import call_advice, call_sentence
from talkpath.report.recordings.capture_text import show_capture

FLOW = Flow(1, "peer", "udp", 1000, 1000, 900, 900, 0.0, 20.0, 20.0, 8, 8)
STREAM: dict[str, Any] = {
    "ssrc": 7, "payload_type": 120, "medium": "voice", "lost": 0, "loss_pct": 0.0, "loss_basis": "sequence",
    "duplicates": 0, "reordered": 0, "jitter_ms": 3.0, "late_ms": 9.0, "freezes": 0, "frozen_s": 0.0,
    "longest_gap_ms": 40.0, "mos": 4.4, "start_s": 0.0, "duration_s": 20.0, "kbps": 12.0, "clock_hz": 16000,
    "packet_ms": 20.0, "mean_burst": None, "flows": (1,),
}  # fmt: skip
BOTH = tuple(Stream(direction=way, packets=1000, **STREAM) for way in ("sent", "received"))  # type: ignore[arg-type]


def call(streams: tuple[Stream, ...] = BOTH) -> Call:
    sent, received = (any(one.direction == way for one in streams) for way in ("sent", "received"))
    return Call(
        app="webrtc", app_confidence=0.5, media=("voice",), start_s=0.0, duration_s=20.0, setup_s=0.0, transport="p2p",
        protocol="udp", encrypted=True, flows=(FLOW,), streams=streams,
        seconds=tuple(Moment(at, Second(50 * sent, 0), Second(50 * received, 0), 20) for at in range(20)),
        control_end_s=20.0, file_end_s=21.0, closed=True,
    )  # fmt: skip


def way(sent: int, lost: int, silent_s: tuple[float, float] | None = None) -> PairedDirection:
    return PairedDirection(
        sent=sent,
        arrived=sent - lost,
        lost=lost,
        loss_pct=round(100 * lost / max(sent, 1), 3),
        first_lost_s=3.0 if lost else None,
        longest_run=lost if silent_s else min(lost, 1),
        spread_ms=1.0,
        silent_s=silent_s,
    )


WELL, NOTHING = way(1000, 0), way(0, 0)
ENDED, WHOLE, LOSSY = way(1000, 700, (6.0, 20.0)), way(1000, 1000, (0.0, 20.0)), way(1000, 80)
CASES = {
    "well both ways": (BOTH, WELL, WELL, "good", None),
    "what this end sent stopped to arrive": (BOTH, ENDED, WELL, "went_silent", "sent"),
    "none of what this end sent arrived": (BOTH, WHOLE, WELL, "one_way", "sent"),
    "some of what this end sent vanished": (BOTH, LOSSY, WELL, "poor", "sent"),
    "what the other end sent stopped to come": (BOTH, WELL, ENDED, "went_silent", "received"),
    "none of what the other end sent came": (BOTH[:1], WELL, WHOLE, "one_way", "received"),
    "nothing came through either way": (BOTH[:1], WHOLE, WHOLE, "went_silent", "received"),
    "the other end sent nothing": (BOTH[:1], WELL, NOTHING, "unknown", "received"),
    "this end only listened": (BOTH[1:], NOTHING, ENDED, "went_silent", "received"),
    "a few pauses of speech in which one was lost": (BOTH, WELL, way(1000, 2, (6.0, 20.0)), "good", None),
    "a server wrote the packets anew": (BOTH, None, None, "good", None),
}


def judged(streams: tuple[Stream, ...], up: PairedDirection | None, down: PairedDirection | None) -> Any:
    found = Findings(2000, 21.0, {}, (call(streams),), (), pairs=(Paired(1, "webrtc", up, down),))
    return judge_both_ends(found)


@pytest.mark.parametrize(("streams", "up", "down", "kind", "direction"), CASES.values(), ids=CASES.keys())
def test_the_worst_that_both_recordings_show_is_the_outcome(
    streams: tuple[Stream, ...],
    up: PairedDirection | None,
    down: PairedDirection | None,
    kind: str,
    direction: str | None,
):
    (one,) = judged(streams, up, down).calls
    assert (one.outcome.kind, one.outcome.direction) == (kind, direction)
    assert (one.verdict.state == "ok") == (kind == "good" and one.verdict.reason is None)
    assert one.verdict.state in ("ok", "insufficient"), "what vanished alone accuses nobody"


@pytest.mark.parametrize(("streams", "up", "down", "kind", "direction"), CASES.values(), ids=CASES.keys())
def test_the_paragraph_contradicts_no_line_below_it(
    streams: tuple[Stream, ...],
    up: PairedDirection | None,
    down: PairedDirection | None,
    kind: str,
    direction: str | None,
):
    (one,) = judged(streams, up, down).calls
    told, advice = call_sentence(one), call_advice(one)
    if up is None and down is None:
        assert "What you sent" in told
        return
    assert "nothing to compare" not in told
    assert "--peer" not in advice
    assert "What you sent" not in told
    if down is not None and down.lost:
        assert "nothing of what was sent to this end was lost" not in told
        assert f"{down.loss_pct:.1f}% of what the other end sent vanished" in told
    if up is not None and up.lost:
        assert f"{up.loss_pct:.1f}% of what this end sent vanished" in told
    if up is WELL:
        assert "all that this end sent arrived at the other end" in told


def test_what_all_arrived_fits_no_rule_that_takes_it():
    """Jitter makes the call poor; a rule that drops packets is not named where none was dropped."""
    lossy = tuple(replace(one, lost=200, loss_pct=16.7, mean_burst=1.0) for one in BOTH[1:])
    seconds = tuple(Moment(at, Second(50, 0), Second(40, 10), 20) for at in range(20))
    own = replace(call((BOTH[0], *lossy)), seconds=seconds)
    findings = Findings(2000, 21.0, {}, (own,), ())
    (alone,) = judge_both_ends(findings).calls
    (both,) = judge_both_ends(replace(findings, pairs=(Paired(1, "webrtc", WELL, WELL),))).calls
    assert alone.verdict.alternatives
    assert not both.verdict.alternatives


def test_text_and_page_tell_what_vanished():
    made = judged(BOTH, ENDED, WELL)
    out = io.StringIO()
    show_capture(Console(file=out, width=400), "call.pcap", made)
    for text in (out.getvalue(), capture_page(made)):
        assert "70.0% of what this end sent vanished on the way" in text
        assert "vanished packets: 700 of 1" in text.replace("\N{NO-BREAK SPACE}", " ")


def test_text_and_page_say_where_the_other_recording_is_of_another_call():
    made = judge_both_ends(Findings(2000, 21.0, {}, (call(),), (), pairs=()))
    out = io.StringIO()
    show_capture(Console(file=out, width=400), "call.pcap", made)
    for text in (out.getvalue(), capture_page(made)):
        assert "matches none of these calls" in text
