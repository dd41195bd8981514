"""What a person and a program read of a capture."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from msgspec.structs import replace
from rich.cells import cell_len
from rich.console import Console

from talkpath.measure.call import Attempt, Call, Findings, Flow, Moment, Paired, PairedDirection, Second, Stream
from talkpath.report.recordings.capture_json import capture_line, capture_result
from talkpath.report.recordings.capture_page import capture_page
from talkpath.report.recordings.capture_sentences import app_name, column_titles
from talkpath.report.recordings.capture_text import call_table, call_timeline, show_capture
from talkpath.report.recordings.clock import RecordingClock
from talkpath.report.recordings.outcome_words import outcome_label
from talkpath.report.words.language import language, language_codes, speaking
from talkpath.verdict.bases.call_outcome import call_outcome
from talkpath.verdict.bases.calls_together import judge_recording

SCHEMA = json.loads((Path(__file__).parents[3] / "spec" / "tp-007.schema.json").read_text(encoding="utf-8"))

FLOW = Flow(1, "relay", "udp", 600, 500, 500, 400, 0.0, 10.0, 10.0, 4, 4)
STREAM: dict[str, Any] = {
    "ssrc": 7, "payload_type": 120, "medium": "voice", "lost": 0, "loss_pct": 0.0, "loss_basis": "sequence",
    "duplicates": 0, "reordered": 0, "jitter_ms": 3.0, "late_ms": 9.0, "frozen_s": 0.0, "longest_gap_ms": 420.0,
    "mos": 4.4, "start_s": 0.0, "duration_s": 10.0, "kbps": 12.0, "clock_hz": 16000, "packet_ms": 60.0,
    "mean_burst": None, "flows": (1,),
}  # fmt: skip
CALL = Call(
    app="whatsapp", app_confidence=1.0, media=("voice",), start_s=0.0, duration_s=10.0, setup_s=0.0, transport="relay",
    protocol="udp", encrypted=True, flows=(FLOW,),
    streams=(
        Stream(direction="sent", packets=500, freezes=0, **STREAM),
        Stream(direction="received", packets=400, freezes=0, **STREAM),
    ),
    seconds=tuple(Moment(at, Second(50, 0, 12.0), Second(40, 10 * (at > 5), 10.0), 20) for at in range(10)),
    control_end_s=10.0, file_end_s=11.0, closed=True,
)  # fmt: skip
FINDINGS = Findings(1000, 11.0, {"link type 147": 2}, (CALL,), (Attempt("signal", 0.9, 1.0, 9.0, False, 5, 0, 100),))


def shown(findings: Findings = FINDINGS, **more: Any) -> str:
    out = io.StringIO()
    show_capture(Console(file=out, width=160), "call.pcap", judge_recording(findings), **more)
    return out.getvalue()


def test_the_terminal():
    pair = Paired(1, "whatsapp", PairedDirection(500, 450, 50, 10.0, 2.5, 4, 30.0), None)
    told = shown(replace(FINDINGS, pairs=(pair,)))
    vanished = "vanished packets: 50 of 500 (10.0%)"
    for part in ("2 × link type 147", "WhatsApp", "✓ good", "Signal", vanished):
        assert part in told
    assert "restricted" not in told
    assert "203.0.113.5:1-198.51.100.7:3478/udp" in shown(endpoints=[["203.0.113.5:1-198.51.100.7:3478/udp"]])


def test_a_call_without_seconds_has_an_empty_timeline():
    assert call_timeline([], "received").plain.strip() == "received"


def test_a_timeline_has_a_mark_a_second_and_fits():
    assert call_timeline(CALL.seconds, "received").plain.strip() == "received ██████▃▃▃▃"
    long = call_timeline(CALL.seconds * 100, "received", 60)
    assert len(long.plain) < 90


def test_a_legend_says_what_the_marks_are_and_how_long():
    told = shown()
    assert "from 0:00 on, 1\N{NO-BREAK SPACE}s a mark:" in told
    assert "▃ more lost" in told.replace("\N{NO-BREAK SPACE}", " ")
    assert "still for half" not in told, "no second stood still"


@pytest.mark.parametrize("endpoints", [None, lambda call: ["192.0.2.1:1-192.0.2.2:2/udp"]])
def test_json_fits_its_schema(endpoints: Any):
    pair = Paired(1, "whatsapp", PairedDirection(500, 450, 50, 10.0, 2.5, 4, 30.0, (8.0, 9.0)), None)
    judged = judge_recording(replace(FINDINGS, pairs=(pair,)))
    made = json.loads(capture_line(capture_result("call.pcap", judged, endpoints)))
    jsonschema.validate(made, SCHEMA)
    (call,) = made["calls"]
    assert call["flows"] == [1]
    assert ("endpoints" in call) == bool(endpoints)
    assert call["verdict"]["state"] == "ok"
    assert made["attempts"][0]["verdict"]["reason"]["code"] == "no_control"


def test_the_page_is_one_file_that_loads_nothing():
    page = capture_page(judge_recording(FINDINGS))
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    body = page[page.index("<main") : page.index("</main>") + 7]
    assert len(list(ElementTree.fromstring(body).iter("rect"))) >= 20


@pytest.mark.parametrize("code", language_codes())
@pytest.mark.parametrize("lasts_s", [60.0, 1e6])
def test_no_word_of_the_table_is_broken_at_80_columns(code: str, lasts_s: float):
    long = replace(CALL, app="facebook_messenger", app_confidence=0.4, media=("voice", "video"), start_s=50_000.0)
    alone = replace(long, streams=CALL.streams[:1])
    with speaking(language(code)):
        out = io.StringIO()
        clock = RecordingClock(1_700_000_000_000_000_000, lasts_s)
        judged = judge_recording(replace(FINDINGS, calls=(long, alone)))
        Console(file=out, width=80).print(call_table(judged.calls, clock))
        told = out.getvalue()
        for title in (*column_titles(), app_name("facebook_messenger"), outcome_label(call_outcome(long), clock)):
            assert all(word in told for word in title.split(" ")), title
    assert max(map(cell_len, told.splitlines())) <= 80


def test_of_very_many_streams_the_largest_are_told_in_their_order_and_the_rest_counted() -> None:
    streams = tuple(replace(CALL.streams[1], packets=1 + number % 100) for number in range(3000))
    out = io.StringIO()
    many = judge_recording(replace(FINDINGS, calls=(replace(CALL, streams=streams),)))
    show_capture(Console(file=out, width=160), "call.pcap", many)
    lines = out.getvalue().splitlines()
    told = [line for line in lines if line.startswith("    received, voice ")]
    assert [line.split(" packets")[0] for line in told[:2]] == [
        "    received, voice 99: 99",
        "    received, voice 100: 100",
    ]
    assert len(told) == 40
    assert "    2\u00a0960 more streams: see --json" in lines
