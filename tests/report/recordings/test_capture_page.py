"""The page of a real recording: a row, a picture for each direction and a sentence for each call."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from talkpath.api.recording import read_capture
from talkpath.measure.call import Findings, Second
from talkpath.report.recordings.capture_page import COLOURS, capture_page
from talkpath.report.recordings.capture_text import SECOND_MARKS, worst_mark
from talkpath.report.words.language import language, language_codes, speaking
from talkpath.verdict.bases.calls_together import judge_recording
from talkpath.verdict.bases.recorded_call import judge_call

LAB = Path(__file__).parents[2] / "capture" / "lab"


@pytest.fixture(scope="module")
def findings() -> Findings:
    return read_capture(LAB / "drop30-up-far.pcap.gz").findings


def body(page: str) -> ElementTree.Element:
    return ElementTree.fromstring(page[page.index("<main") : page.index("</main>") + len("</main>")])


def test_each_call_has_a_row_two_pictures_and_a_sentence(findings: Findings) -> None:
    main = body(capture_page(judge_recording(findings)))
    (row,) = [row for row in main.iter("tr") if row.find("td") is not None]
    assert "".join(row.itertext()).startswith("1WebRTC")
    pictures = [svg for svg in main.iter("svg") if svg.get("role") == "img"]
    assert [svg.findtext("title") for svg in pictures] == ["What left this end", "What came to this end"]
    assert "107" in (pictures[1].findtext("desc") or "")
    assert "that is consistent with a rule by which call packets are dropped at random" in "".join(main.itertext())


def pictures(page: str) -> list[ElementTree.Element]:
    return [svg for svg in body(page).iter("svg") if svg.get("role") == "img"]


def test_a_bar_is_a_second_in_which_something_came(findings: Findings) -> None:
    (call,) = findings.calls
    sent, received = pictures(capture_page(judge_recording(findings)))
    assert len(list(sent.iter("rect"))) == sum(moment.sent.packets > 0 for moment in call.seconds)
    assert len(list(received.iter("rect"))) == sum(moment.received.packets > 0 for moment in call.seconds)


def test_a_second_without_packets_is_empty_and_one_that_stood_still_has_a_cross(findings: Findings) -> None:
    (call,) = findings.calls
    first, *others = call.seconds
    still = replace(first, received=Second(frozen_ms=900.0))
    stood = replace(findings, calls=(replace(call, seconds=(still, *others)),))
    (_, received) = pictures(capture_page(judge_recording(stood)))
    assert len(list(received.iter("rect"))) == sum(moment.received.packets > 0 for moment in others)
    assert [text.text for text in received.iter("text") if text.get("class") == "still"] == ["×"]


def test_the_picture_has_the_number_of_the_sentence_and_of_the_json(findings: Findings) -> None:
    call = replace(findings.calls[0], seconds=tuple(
        replace(moment, received=replace(moment.received, frozen_ms=400.0)) for moment in findings.calls[0].seconds
    ))  # fmt: skip
    page = capture_page(judge_recording(replace(findings, calls=(call,))))
    told = judge_call(call).figures["frozen_down_s"]
    assert told == pytest.approx(0.4 * len(call.seconds))
    assert f"it stood still for {told:.1f}\N{NO-BREAK SPACE}s" in page
    assert f"{told:.1f}\N{NO-BREAK SPACE}s stood still" in page


def test_a_file_without_a_call_makes_a_page_too() -> None:
    main = body(capture_page(judge_recording(Findings(5, 1.0, {"ARP": 5}, (), ()))))
    assert "calls: 0" in "".join(main.itertext())
    assert "Not read, or not whole: 5 × ARP." in "".join(main.itertext())
    assert "No call found. Record on the device that makes the call" in "".join(main.itertext())
    assert main.find(".//svg") is None


@pytest.mark.parametrize("code", language_codes())
def test_it_is_written_in_the_readers_language(findings: Findings, code: str) -> None:
    with speaking(language(code)):
        page = capture_page(judge_recording(findings))
    assert f'lang="{code}"' in page
    assert f'dir="{language(code).direction}"' in page
    assert ("What left this end" in page) is (code == "en")


def test_reasons_cannot_become_markup(findings: Findings) -> None:
    named = replace(findings, unread={"<b>x</b>": 1})
    page = capture_page(judge_recording(named))
    assert "<script" not in page
    assert "<b>x" not in page


@pytest.mark.parametrize(
    ("seconds", "index"),
    [
        ([Second(50, 0, 12.0)], 0),
        ([Second(99, 1, 12.0)], 0),
        ([Second(97, 3, 12.0)], 1),
        ([Second(90, 10, 12.0)], 2),
        ([Second(50, 0, 12.0, frozen_ms=250.0)], 2),
        ([Second(50, 0, 12.0, frozen_ms=600.0)], 3),
        ([Second()], 4),
        ([Second(lost=5)], 2),
        ([Second(50, None, 12.0)], 0),
        ([Second(50, 0, 12.0), Second()], 0),
    ],
)
def test_severity_is_by_loss_and_freezes(seconds: list[Second], index: int) -> None:
    assert worst_mark(seconds) == index
    assert len(SECOND_MARKS) == len(COLOURS) == 5
