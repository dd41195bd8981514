"""Verdicts on messages and on a browser's own calls have sentences of their own."""

from __future__ import annotations

import pytest

from print_sentences import verdict_of_state
from talkpath.report.words import other_bases, sentences
from talkpath.report.words.check_context import CheckContext
from talkpath.verdict.model import Reason


@pytest.mark.parametrize("medium", ["voice", "video"])
@pytest.mark.parametrize("state", other_bases.APP_NAMING_STATES)
def test_a_browsers_own_calls_name_no_app(state: str, medium: str) -> None:
    own = verdict_of_state(state, app="signal", medium=medium, basis="webrtc")  # type: ignore[arg-type]
    told = " ".join([sentences.verdict_sentence(own), *sentences.verdict_lines(own)])
    assert "Signal" not in told
    assert ("No app was tested: calls in WhatsApp, Telegram or another one" in told) is (state == "ok")
    assert medium in sentences.verdict_sentence(own).lower()


@pytest.mark.parametrize("state", ["closed", "impaired", "unreachable"])
def test_where_no_app_is_named_anyway_the_usual_sentences_serve(state: str) -> None:
    own, usual = verdict_of_state(state, basis="webrtc"), verdict_of_state(state)  # type: ignore[arg-type]
    assert sentences.verdict_sentence(own) == sentences.verdict_sentence(usual)
    assert sentences.verdict_lines(own) == sentences.verdict_lines(usual)


def test_a_page_has_no_options_to_name() -> None:
    for code in ("budget", "late", "hidden", "canary"):
        own = verdict_of_state("insufficient", basis="webrtc", reason=Reason(code))  # type: ignore[arg-type]
        assert "--" not in other_bases.browser_limits(own)


@pytest.mark.parametrize(
    ("state", "count", "first"),
    [
        ("ok", 1, "The only exchange with the messenger's host was answered."),
        ("ok", 6, "All 6 exchanges with the messenger's host were answered."),
        ("restricted", 1, "The only exchange with the messenger's host was not answered"),
        ("restricted", 6, "None of 6 exchanges with the messenger's host was answered"),
        ("insufficient", 1, "There was one exchange with the messenger's host."),
        ("insufficient", 6, "There were 6 exchanges with the messenger's host."),
    ],
)
def test_messages_are_counted_in_exchanges(state: str, count: int, first: str) -> None:
    about = verdict_of_state(state, medium="text", flow_count=count)  # type: ignore[arg-type]
    lines = sentences.verdict_lines(about)
    assert lines == other_bases.message_lines(about)
    assert lines[0].startswith(first)
    assert len(lines) == 3


@pytest.mark.parametrize("state", ["ok", "restricted"])
def test_messages_say_nothing_of_calls(state: str) -> None:
    about = verdict_of_state(state, medium="text", flow_count=3)  # type: ignore[arg-type]
    assert "Telegram's messages" in sentences.verdict_sentence(about)
    last = sentences.verdict_lines(about)[-1]
    assert "says nothing about calls" in last
    assert CheckContext.of([about, verdict_of_state(state)]).with_messages  # type: ignore[arg-type]
    assert not CheckContext.of([verdict_of_state(state)]).with_messages  # type: ignore[arg-type]
