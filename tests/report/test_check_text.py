"""A check on a terminal."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from print_sentences import PARAMETERS, STATES, every_verdict, verdict_of_state
from talkpath.report.check_text import STYLES, explanation, show_check, verdict_table
from talkpath.report.told_verdict import reading_order, told_check
from talkpath.report.words import sentences
from talkpath.report.words.check_context import CheckContext
from talkpath.report.words.language import language, speaking
from talkpath.verdict.model import Reason, Verdict


def printed(*things: Any, width: int = 120, colours: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=colours)
    for thing in things:
        console.print(thing)
    return out.getvalue()


def shown(verdicts: Any, **more: Any) -> str:
    out = io.StringIO()
    show_check(Console(file=out, width=160), verdicts, {"transports": [], **more})
    return out.getvalue()


def test_the_table_has_a_row_for_each_verdict_with_mark_words_and_time() -> None:
    text = printed(
        verdict_table([verdict_of_state(), verdict_of_state("ok", app="signal", medium="video", known_at_s=None)])
    )
    head, first, *_, last = text.splitlines()
    assert head.split() == ["app", "medium", "result", "how", "known", "after"]
    assert first.startswith("Telegram  voice   ✗ Signs of restriction")
    assert "call packets are dropped at random" in first
    assert "6.4" in first
    assert last.split()[:3] == ["Signal", "video", "✓"]
    assert "6.4" not in last


def test_a_column_that_would_be_empty_is_left_out() -> None:
    text = printed(verdict_table([verdict_of_state("ok", known_at_s=None)]))
    assert "known after" not in text
    assert "result" in text


def test_an_insufficient_verdict_says_why_in_the_table() -> None:
    text = printed(verdict_table([verdict_of_state("insufficient", reason=Reason("vpn"), known_at_s=None)]), width=160)
    assert "a VPN or tunnel seems to be on" in text


@pytest.mark.parametrize("state", STATES)
def test_a_state_is_told_without_colour_too(state: str) -> None:
    about = verdict_of_state(state)  # type: ignore[arg-type]
    assert sentences.STATE_MARKS[about.state] in printed(verdict_table([about]))
    assert sentences.verdict_label(about) in printed(explanation(told_check([about], CheckContext())[0]))
    assert set(STYLES) == set(STATES)
    assert "\x1b" in printed(explanation(told_check([about], CheckContext())[0]), colours=True)


def test_an_explanation_is_a_sentence_and_its_lines() -> None:
    about = verdict_of_state()
    first, *lines = printed(explanation(told_check([about], CheckContext())[0]), width=400).splitlines()
    assert first.strip() == f"Signs of restriction: {sentences.verdict_sentence(about)}"
    said = [*sentences.verdict_lines(about), sentences.trouble_sentence(about)]
    assert [line.strip() for line in lines] == said


def explained(verdicts: list[Verdict]) -> list[Verdict]:
    return [told.verdict for told in told_check(verdicts, CheckContext.of(verdicts))]


def test_each_verdict_that_is_not_ok_is_explained_in_the_order_of_the_table() -> None:
    restricted = [
        verdict_of_state(app="telegram"),
        verdict_of_state("ok", app="max"),
        verdict_of_state(app="telegram", medium="video"),
    ]
    assert explained([*restricted, verdict_of_state(app="signal")]) == [
        restricted[0],
        restricted[2],
        verdict_of_state(app="signal"),
    ]
    other = verdict_of_state(app="telegram", rule="media.police", parameters=PARAMETERS["media.police"])
    assert explained([restricted[0], other]) == [restricted[0], other]
    text = shown(restricted)
    assert text.index("voice calls that look like Telegram's") < text.index("video calls that look like Telegram's")


def test_the_same_said_of_several_apps_is_explained_once() -> None:
    closed = [verdict_of_state("closed", app=app) for app in ("telegram", "signal", "whatsapp")]
    assert explained(closed) == closed[2:]  # WhatsApp's, that most ask about
    assert "For the same reason" not in shown(closed)


def test_a_check_that_was_stopped_says_so_once_for_all_apps_whatever_seconds_each_was_watched() -> None:
    unknown = [
        verdict_of_state(
            "insufficient", app=app, reason=Reason("watched_briefly", {"seconds": watched_s, "stopped": True})
        )
        for app, watched_s in (("telegram", 0.7), ("signal", 0.4), ("max", 0.6))
    ]
    text = shown(unknown)
    assert text.count("Check again") == 1
    assert "For the same reason nothing can be said about: Signal, Max." in text
    assert all(
        f"no sign of restriction showed in the first {each}\N{NO-BREAK SPACE}s" in text
        for each in ("0.7", "0.4", "0.6")
    )


def test_apps_of_which_nothing_can_be_said_for_one_reason_are_named_after_the_first() -> None:
    late, lost = Reason("late"), Reason("responder_lost")
    unknown = [verdict_of_state("insufficient", app=app, reason=late) for app in ("telegram", "signal", "max")]
    other = verdict_of_state("insufficient", app="whatsapp", reason=lost)
    assert explained([*unknown, other]) == [other, unknown[0]]
    text = shown([*unknown, other])
    assert text.count("For the same reason nothing can be said about: Signal, Max.") == 1
    assert "WhatsApp's voice calls" in text
    video = verdict_of_state("insufficient", app="signal", medium="video", reason=late)
    assert "about: Signal (voice), Signal (video)." in shown([*unknown[:2], video])


def test_the_worst_comes_first_and_what_most_ask_about_leads_the_table() -> None:
    found = [
        verdict_of_state("insufficient", app="whatsapp", reason=Reason("late")),
        verdict_of_state("closed", app="max"),
        verdict_of_state(app="signal"),
    ]
    assert [about.app for about in explained(found)] == ["signal", "max", "whatsapp"]
    assert [about.app for about in reading_order([*found[1:], found[0]])] == ["whatsapp", "max", "signal"]


def test_calls_that_pass_beside_closed_ones_are_not_called_closed() -> None:
    some = [
        verdict_of_state("closed", app="telegram"),
        verdict_of_state("closed", app="signal"),
        verdict_of_state("ok", app="max"),
    ]
    assert [about.app for about in explained(some)] == ["telegram", "signal"]
    text = shown(some)
    assert "whichever app they look like" not in text
    assert "Voice calls that look like Telegram's do not get through" in text
    assert "whichever app they look like" in shown(some[:2])
    messages = verdict_of_state("ok", medium="text", flow_count=2)
    assert "whichever app they look like" in shown([*some[:2], messages])


def test_where_all_is_ok_the_first_is_explained_and_the_others_are_named() -> None:
    fine = [verdict_of_state("ok", app=app) for app in ("telegram", "signal", "max")]
    assert explained(fine) == fine[:1]
    assert "No sign of restriction either: Signal, Max." in shown(fine)
    assert "restriction either" not in shown([*fine, verdict_of_state("closed", app="whatsapp")])


def test_ok_is_not_explained_beside_what_is_not() -> None:
    mixed = [
        verdict_of_state("ok", app="telegram"),
        verdict_of_state(app="signal"),
        verdict_of_state("insufficient", app="max"),
    ]
    assert [about.app for about in explained(mixed)] == ["signal", "max"]
    assert explained([]) == []


def test_transports_follow_where_they_were_tried() -> None:
    way = {"loss_pct": 0.0, "delay_ms": 1.0, "mos": 4.4}
    row = {
        "app": "telegram",
        "medium": "voice",
        "transport": "tls/443",
        "carries": True,
        "loss_pct": 0.0,
        "mos": 4.4,
        "setup_ms": 90.0,
        "up": way,
        "down": way,
        "calls": 2,
        "lasted_s": 3.1,
        "uncertain": False,
    }
    assert "What carried 2 calls of 3" in shown([verdict_of_state()], transports=[row])
    assert "What carried" not in shown([verdict_of_state()])


def test_messages_that_were_tried_are_not_called_untested() -> None:
    assert "your messages were not tested" in shown([verdict_of_state("ok")])
    assert "your messages were not tested" not in shown(
        [verdict_of_state("ok"), verdict_of_state("ok", medium="text", flow_count=2)]
    )


def test_anything_can_be_shown_on_a_narrow_screen_in_any_language() -> None:
    for code in ("en", "ru", "fa", "ar"):
        with speaking(language(code)):
            out = io.StringIO()
            show_check(Console(file=out, width=40), list(every_verdict()), {"transports": []})
            assert max(map(len, out.getvalue().splitlines())) <= 40 + 2 * out.getvalue().count("\u2068")
