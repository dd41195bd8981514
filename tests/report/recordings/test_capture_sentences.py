"""What is said of recorded calls: numbers that were measured, "consistent with", and never more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from talkpath.api.recording import read_capture
from talkpath.measure.call import Attempt, Call, Findings, Paired, PairedDirection
from talkpath.report.recordings import capture_sentences as words
from talkpath.report.recordings.no_call import no_call_found
from talkpath.report.words.language import language, language_codes, speaking
from talkpath.verdict.bases.call_outcome import Outcome, attempt_outcome, call_outcome
from talkpath.verdict.bases.calls_together import JudgedCall
from talkpath.verdict.bases.recorded_call import judge_attempt, judge_call
from talkpath.verdict.model import Reason, Verdict

LAB = Path(__file__).parents[2] / "capture" / "lab"
SPACE = "\N{NO-BREAK SPACE}"
SILENT = Attempt("signal", 0.9, 1.0, 9.0, False, 5, 0, 100)
ANSWERED = Attempt("signal", 0.9, 1.0, 9.0, True, 5, 5, 100)
ALONE = Attempt("signal", 0.9, 1.0, 9.0, False, 5, 0, 0)


@pytest.fixture(scope="module", params=["voice-far", "drop30-up-far", "freeze", "size_drop"])
def call(request: pytest.FixtureRequest) -> Call:
    (found,) = read_capture(LAB / f"{request.param}.pcap.gz").calls
    return found


@pytest.fixture(scope="module")
def clear() -> Call:
    (found,) = read_capture(LAB / "voice-far.pcap.gz").calls
    return found


def verdict(state: Any = "insufficient", **more: Any) -> Verdict:
    return Verdict("webrtc", "", "voice", state, **more)


def call_told(call: Call, found: Verdict) -> str:
    return words.call_sentence(JudgedCall(call, call_outcome(call), found))


def attempt_told(attempt: Attempt, found: Verdict) -> str:
    return words.attempt_sentence(JudgedCall(attempt, attempt_outcome(attempt), found))


@pytest.mark.parametrize("code", language_codes())
def test_a_real_recording_has_one_sentence_without_an_accusation(call: Call, code: str) -> None:
    with speaking(language(code)):
        text = call_told(call, judge_call(call))
    assert text.endswith(".")
    assert "{" not in text
    if code == "en":
        assert "restricted" not in text
        assert text.count("consistent with") == bool(judge_call(call).alternatives)


def test_a_clear_call_points_to_nothing(clear: Call) -> None:
    text = call_told(clear, replace(judge_call(clear), state="ok", reason=None, alternatives=()))
    assert "WebRTC, voice call, directly between the two phones" in text
    assert "nothing of what was sent to this end was lost" in text
    assert "nothing points to a restriction on the way to this end." in text
    assert "What you sent, and a delay that is always there, could not be judged." in text


@pytest.mark.parametrize(
    ("told", "ends"),
    [
        (
            {"alternatives": ("media.drop",)},
            "a rule by which call packets are dropped, with a poor line at either end, and with trouble at "
            "the app's own servers.",
        ),
        ({"reason": Reason("short_capture")}, "what was recorded of it is too short to tell more."),
        ({"reason": Reason("no_control")}, "there is nothing to compare it with."),
    ],
)
def test_why_nothing_more_can_be_said(clear: Call, told: dict[str, Any], ends: str) -> None:
    assert call_told(replace(clear, transport="relay"), verdict(**told)).endswith(ends)


@pytest.mark.parametrize(
    ("figures", "part"),
    [
        ({}, "losses cannot be told"),
        ({"loss_down_pct": 27.37}, "27.4% of what was sent to this end did not arrive"),
        (
            {"loss_down_pct": 1.0, "frozen_down_pct": 42.0, "frozen_down_s": 3.3},
            f"it stood still for 3.3{SPACE}s (42% of the time)",
        ),
        ({"loss_down_pct": 1.0, "mos_down": 2.25}, "voice quality 2.2 of 4.5"),
        ({"loss_down_pct": 1.0, "loss_up_pct": 3.0}, "3.0% of what this end sent was missing before it was recorded"),
    ],
)
def test_quality_is_told_in_what_was_measured(clear: Call, figures: dict[str, float], part: str) -> None:
    assert part in call_told(clear, verdict(reason=Reason("no_control"), figures=figures))


def test_short_silence_and_no_freeze_are_not_mentioned(clear: Call) -> None:
    figures = {"loss_down_pct": 1.0, "silence_s": 1.0, "frozen_down_pct": 0.0, "frozen_down_s": 0.0}
    text = call_told(clear, verdict(reason=Reason("no_control"), figures=figures))
    assert "nothing came" not in text
    assert "stood still" not in text


def advice_of(call: Call, reason: Reason | None) -> str:
    return words.call_advice(JudgedCall(call, Outcome("unknown"), verdict(reason=reason)))


@pytest.mark.parametrize("code", language_codes())
def test_a_call_that_ended_long_after_its_media_is_no_short_recording(clear: Call, code: str) -> None:
    """Both held, or were mute: whoever records longer sees no more of it."""
    held = replace(clear, control_end_s=clear.start_s + clear.duration_s + 14.0)
    short = verdict(reason=Reason("short_capture"))
    with speaking(language(code)):
        told, before = call_told(held, short), call_told(clear, short)
        assert "14" in told
        assert advice_of(held, short.reason) != advice_of(clear, short.reason)
        assert told.split(";")[-1] != before.split(";")[-1]
    if code == "en":
        assert "too short" not in told
        assert advice_of(held, short.reason).startswith("Record another call")


@pytest.mark.parametrize(
    ("reason", "part"),
    [
        ("short_capture", "Record a longer call"),
        ("no_control", "Record the same call at the other end too (`--peer`)"),
        ("single_request", ""),
        ("budget", ""),
        (None, ""),
    ],
)
def test_advice_follows_the_reason(clear: Call, reason: Any, part: str) -> None:
    text = advice_of(clear, Reason(reason) if reason else None)
    assert text.startswith(part)
    assert bool(text) is bool(part)


@pytest.mark.parametrize(
    ("attempt", "ends"),
    [
        (ANSWERED, "servers answered, but no talk was found in this recording."),
        (ALONE, "nothing answered."),
    ],
)
def test_a_call_that_nobody_talked_in(attempt: Attempt, ends: str) -> None:
    text = attempt_told(attempt, judge_attempt(attempt))
    assert text.startswith("Signal, a call set up from 0:01 on")
    assert text.endswith(ends)


def test_unanswered_set_up_beside_other_traffic_is_consistent_with_rules() -> None:
    text = attempt_told(SILENT, judge_attempt(SILENT))
    assert "nothing answered; that is consistent with a rule by which" in text


BESIDE = {"control_flows": 62.0, "control_lost_down_pct": 0.0}
TOLD = {
    "a call beside control traffic": (Reason("one_call"), BESIDE),
    "a call alone": (Reason("no_control"), {}),
}
SERVERS = {
    "en": "trouble at the app's own servers",
    "ru": "неполадками на серверах самого приложения",
    "fa": "مشکل سرورهای خود برنامه",
    "ar": "خلل في خوادم التطبيق نفسها",
}
OTHER_END = {
    "en": "the other person's end",
    "ru": "на стороне собеседника",
    "fa": "سمت طرف مقابل",
    "ar": "عند الشخص الآخر",
}
EITHER_END = {"en": "at either end", "ru": "на любом конце", "fa": "هر یک از دو سر", "ar": "عند أي من الطرفين"}
OUTAGE = {
    "en": "an outage of the app.",
    "ru": "со сбоем самого приложения.",
    "fa": "قطعی خود برنامه.",
    "ar": "عطل التطبيق نفسه.",
}


@pytest.mark.parametrize("code", language_codes())
@pytest.mark.parametrize("name", TOLD)
def test_where_a_call_fits_a_rule_the_same_sentence_names_the_apps_own_servers(
    clear: Call, name: str, code: str
) -> None:
    reason, figures = TOLD[name]
    found = verdict(reason=reason, figures=figures, alternatives=("media.freeze", "media.drop"))
    with speaking(language(code)):
        (told,) = (
            one
            for one in call_told(replace(clear, transport="relay"), found).split(". ")
            if words.fitting_mechanisms(found) in one
        )
        direct = call_told(clear, found)
    assert SERVERS[code] in told
    assert SERVERS[code] not in direct, "no server carries a direct call"
    assert (OTHER_END if figures else EITHER_END)[code] in told, "about which nothing is known"


@pytest.mark.parametrize("code", language_codes())
def test_where_several_calls_prove_a_rule_the_sentence_says_that_one_person_may_have_been_called(code: str) -> None:
    found = verdict(state="restricted", rule="media.drop", figures={"calls": 3.0})
    with speaking(language(code)):
        text = words.together_sentence(found)
    assert {"en": "same person", "ru": "одним и тем же человеком", "fa": "با یک نفر", "ar": "الشخص نفسه"}[code] in text


def test_a_call_that_a_moved_connection_explains_fits_nothing(clear: Call) -> None:
    text = call_told(clear, verdict(reason=Reason("rebinding"), figures=BESIDE))
    assert text.endswith("but the line moved some of them to other ports or addresses: a call may not survive that.")
    advice = advice_of(clear, Reason("rebinding"))
    assert advice.endswith(" Call again, and stay on one network meanwhile.")


@pytest.mark.parametrize("code", language_codes())
@pytest.mark.parametrize("app", ["signal", "webrtc"])
@pytest.mark.parametrize("figures", [BESIDE, {}])
def test_where_set_up_fits_a_rule_the_same_sentence_names_an_outage(
    app: str, figures: dict[str, float], code: str
) -> None:
    attempt = replace(SILENT, app=app)
    found = replace(judge_attempt(attempt), reason=Reason("one_call" if figures else "no_control"), figures=figures)
    with speaking(language(code)):
        text = attempt_told(attempt, found)
        carried = words.control_words(found)
    assert OUTAGE[code] in text
    assert bool(carried) is bool(figures)
    assert carried in text.partition(OUTAGE[code])[2]


@pytest.mark.parametrize(
    ("app", "proxy", "told"),
    [
        ("telegram", "", "If a proxy is set in Telegram"),
        ("whatsapp", "socks", "This device used a proxy meanwhile (SOCKS)"),
        ("signal", "socks", ""),
    ],
)
def test_of_an_app_with_a_proxy_of_its_own_that_is_told_beside_unanswered_set_up(
    app: str, proxy: Any, told: str
) -> None:
    attempt = replace(SILENT, app=app, proxy=proxy)
    text = attempt_told(attempt, judge_attempt(attempt))
    assert told in text
    assert ("proxy" in text) is bool(told)


@pytest.mark.parametrize(
    ("path", "told"),
    [("p2p", "directly between the two phones"), ("relay", "through a server"), ("unknown", "of unknown kind")],
)
def test_the_path_is_told(clear: Call, path: Any, told: str) -> None:
    assert told in words.call_path(replace(clear, transport=path))


def test_video_makes_it_a_video_call(clear: Call) -> None:
    assert words.call_kind(clear) == "voice call"
    assert words.call_kind(replace(clear, media=("voice", "video"))) == "video call"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"lost": 12, "loss_pct": 3.0, "loss_basis": "sequence"}, "lost: 12 (3.0%)"),
        ({"lost": 12, "loss_pct": 3.0, "loss_basis": "cadence"}, "lost, estimated from the packet interval: 12 (3.0%)"),
        (
            {"lost": 12, "loss_pct": 3.0, "loss_basis": "cadence", "lost_range": (9, 15)},
            "lost, estimated from the packet interval: 12 (3.0%; 9 to 15)",
        ),
        ({"lost": None, "loss_pct": None, "loss_basis": None}, "losses cannot be told"),
    ],
)
def test_losses_say_how_they_were_counted(clear: Call, change: dict[str, Any], told: str) -> None:
    assert words.stream_losses(replace(clear.streams[0], **change)) == told


def paired_findings(up: PairedDirection | None, down: PairedDirection | None) -> Findings:
    return Findings(0, 0.0, {}, (), (), pairs=(Paired(1, "webrtc", up, down),))


def test_the_other_ends_recording_says_which_packets_vanished() -> None:
    some = PairedDirection(500, 450, 50, 10.0, 2.5, 4, 30.0)
    none = PairedDirection(500, 500, 0, 0.0, None, 0, 30.0)
    first, second = words.pair_lines(paired_findings(some, none), [0])
    assert first == (
        f"from here to the other end: vanished packets: 50 of 500 (10.0%), the first at 2.5{SPACE}s, at most 4 in a row"
    )
    assert second == "from the other end to here: vanished packets: 0 of 500 (0.0%), at most 0 in a row"
    assert words.pair_lines(paired_findings(some, none), [1]) == [], "another call"
    unsent, unknown = words.pair_lines(paired_findings(PairedDirection(0, 0, 0, 0.0, None, 0, None), None), [0])
    assert unsent == "from here to the other end: nothing was sent"
    assert unknown.endswith("the two recordings share no packet; a server may write them anew")


def test_what_was_not_read_is_counted() -> None:
    findings = Findings(10, 1.0, {"ARP": 3, "too short": 1}, (), ())
    assert words.unread_note(findings) == "Not read, or not whole: 3 × ARP, 1 × too short."


def test_an_app_that_is_not_known_has_a_name_too() -> None:
    assert words.app_name("webrtc") == "WebRTC"
    assert words.app_name("newphone") == "an app that is not known"


def test_the_assumptions_name_the_model() -> None:
    assert "ITU-T G.107" in words.assumption_note()
    assert len(words.column_titles()) == 8


def test_a_stream_that_cannot_be_named_is_told_where_there_is_no_call() -> None:
    nothing = Findings(packets=9, duration_s=1.0, unread={}, calls=(), attempts=())
    assert no_call_found(nothing) == "No call found."
    unnamed = replace(nothing, unnamed_streams=1)
    assert "a steady two-way stream of packets at a voice's pace" in no_call_found(unnamed)
