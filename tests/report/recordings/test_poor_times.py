"""When a call was poor is told as times, and what is poor follows from the numbers beside it."""

from __future__ import annotations

import io
import random
from typing import Any

import pytest
from msgspec.structs import replace
from rich.console import Console

from talkpath.measure.call import Call, Findings, Moment, Second
from talkpath.report.recordings.capture_page import capture_page
from talkpath.report.recordings.capture_text import show_capture, worst_mark
from talkpath.report.recordings.clock import NO_CLOCK
from talkpath.report.recordings.poor_times import poor_times, poor_words
from talkpath.report.words.language import language, language_codes, speaking
from talkpath.verdict.bases.calls_together import judge_recording
from tests.report.recordings.test_capture_text import CALL

FINE = Second(50, 0, 12.0)
STILL, HALF_STILL, LOST = Second(0, 0, frozen_ms=1000.0), Second(20, 0, 5.0, frozen_ms=600.0), Second(0, 50)


def call_of(seconds: list[tuple[Second, Second]], **stream: Any) -> Call:
    """A call of these seconds, each (received, sent), whose streams' numbers are those of its seconds."""
    lost = sum(received.lost or 0 for received, _ in seconds)
    came = sum(received.packets for received, _ in seconds)
    still = [sum(one[way].frozen_ms for one in seconds) / 1000 for way in (0, 1)]
    sent, received = CALL.streams
    figures = {"lost": lost, "loss_pct": 100 * lost / (came + lost), "packets": came, **stream}
    return replace(
        CALL,
        duration_s=float(len(seconds)),
        streams=(
            replace(sent, frozen_s=still[1], duration_s=float(len(seconds))),
            replace(received, frozen_s=still[0], duration_s=float(len(seconds)), **figures),
        ),
        seconds=tuple(Moment(at, own, received) for at, (received, own) in enumerate(seconds)),
    )


def at_times(seconds: int, bad: dict[int, Second]) -> Call:
    return call_of([(bad.get(at, FINE), FINE) for at in range(seconds)])


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (dict.fromkeys(range(8, 11), LOST), "poor 0:08–0:11"),
        (dict.fromkeys(range(8, 30), LOST), "poor from 0:08 on"),
        (dict.fromkeys(range(30), LOST), "poor"),
        (dict.fromkeys([5, 6, 20], STILL), "poor 0:05–0:07, 0:20–0:21"),
        (dict.fromkeys([2, 9, 16, 23], STILL), "poor 4 times, 0:02–0:24"),
        (dict.fromkeys([8, 9, 10, 12], LOST), "poor 0:08–0:13"),
        ({1: Second(49, 1)} | dict.fromkeys(range(8, 11), LOST), "poor 0:08–0:11"),
        ({2: Second(50, 0, frozen_ms=210.0)} | dict.fromkeys(range(20, 24), STILL), "poor 0:20–0:24"),
        ({7: HALF_STILL} | dict.fromkeys(range(8, 12), STILL), "poor 0:07–0:12"),
        ({}, "poor"),
    ],
)
def test_when_a_call_was_poor(bad: dict[int, Second], told: str) -> None:
    assert poor_words(at_times(30, bad), ("freezes", "loss"), NO_CLOCK) == told


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("each_s", [17, 50])
def test_random_losses_all_along_are_no_list_of_times(seed: int, each_s: int) -> None:
    chance = random.Random(seed)
    lost = [sum(chance.random() < 0.08 for _ in range(each_s)) for _ in range(120)]
    call = call_of([(Second(each_s - one, one), FINE) for one in lost])
    times = poor_times(call, ("loss",))
    assert len(times) <= 8
    assert times == sorted(times)
    assert times[0][0] < 10
    assert times[-1][1] > 110


def test_a_time_in_which_this_end_stood_still_too_is_not_the_calls() -> None:
    """The device itself stalled."""
    seconds = [(FINE, FINE)] * 40
    seconds[3:5] = [(STILL, STILL)] * 2
    seconds[20:24] = [(STILL, FINE)] * 4
    assert poor_times(call_of(seconds), ("freezes",)) == [(20, 24)]


def test_unevenness_has_no_times() -> None:
    """A second that stood still for a moment is not why."""
    call = at_times(30, {2: HALF_STILL})
    assert poor_words(call, ("jitter",), NO_CLOCK) == "poor"


def text_of(call: Call) -> str:
    out = io.StringIO()
    judged = judge_recording(Findings(1000, 40.0, {}, (call,), ()))
    show_capture(Console(file=out, width=1000), "call.pcap", judged)
    return out.getvalue().replace("\N{NO-BREAK SPACE}", " ")


def test_a_good_call_that_stood_still_says_that_this_end_did_too() -> None:
    told = text_of(call_of([(HALF_STILL, HALF_STILL) if at % 8 == 3 else (FINE, FINE) for at in range(30)]))
    assert "✓ good" in told
    assert "it stood still for 2.4 s (8% of the time), what this end sent for 2.4 s, as when this device stalls" in told


def test_a_poor_call_that_this_end_did_not_stall_says_nothing_of_it() -> None:
    told = text_of(call_of([(HALF_STILL, FINE) if at % 8 == 3 else (FINE, FINE) for at in range(30)]))
    assert "~ poor" in told
    assert "this device stalls" not in told


def test_unevenness_is_told_in_the_number_that_makes_it_poor() -> None:
    call = call_of([(FINE, FINE)] * 30, uneven_ms=37.0, jitter_ms=22.0)
    told = text_of(call)
    assert "because of unevenness: " in told
    assert "half of the packets came 37 ms behind the quickest or more" in told
    assert "half of the packets 25 ms" in told, "the bound, beside the number"


@pytest.mark.parametrize("code", language_codes())
def test_what_poor_means_is_told_beside_what_is_good_or_poor(code: str) -> None:
    with speaking(language(code)):
        for call in (at_times(30, {}), at_times(30, dict.fromkeys(range(8, 12), STILL))):
            page = capture_page(judge_recording(Findings(1000, 40.0, {}, (call,), ())))
            for bound in ("25", "400", "30"):
                assert bound in text_of(call)
                assert bound in page
        nothing = judge_recording(Findings(1000, 40.0, {}, (), ()))
        assert "400" not in capture_page(nothing).split("<body", 1)[-1]


def test_a_mark_of_several_seconds_shows_the_one_that_stood_still() -> None:
    """A standstill of a second is not fine because four others were."""
    assert worst_mark([FINE, FINE, HALF_STILL, FINE, FINE]) == worst_mark([HALF_STILL]) == 3
    assert worst_mark([FINE] * 5) == 0
