"""What holds of every sentence about any verdict, in every language."""

from __future__ import annotations

import re
from collections import defaultdict
from math import ceil, floor

import pytest

from print_sentences import REASONS, STATES, every_verdict, spoken_paragraphs, verdict_of_state
from talkpath.report.words import sentences
from talkpath.report.words.check_context import CheckContext
from talkpath.report.words.language import language, language_codes, speaking
from talkpath.report.words.reasons import next_step, reason_clause
from talkpath.verdict.model import Number, Reason, Verdict

ENDS = (".", "?", "!", "؟", "\u2069.")
VERDICTS = list(every_verdict())


def said(about: Verdict) -> list[str]:
    return [sentences.verdict_sentence(about), *sentences.verdict_lines(about)]


@pytest.mark.parametrize("code", language_codes())
def test_a_server_that_nobody_knows_may_be_the_cause_of_a_restriction_itself(code: str) -> None:
    with speaking(language(code)):
        for about in VERDICTS:
            known, unknown = (
                sentences.verdict_sentence(about, CheckContext(known_server=known)) for known in (True, False)
            )
            assert (known != unknown) is (about.state == "restricted")
            assert unknown.endswith(ENDS)
            if code == "en" and about.state == "restricted":
                assert "or the test server itself" in unknown
                assert "our test server" not in unknown


@pytest.mark.parametrize("code", language_codes())
def test_a_verdict_is_a_whole_sentence_and_three_lines(code: str) -> None:
    with speaking(language(code)):
        for about in VERDICTS:
            texts = said(about)
            assert len(texts) == 4
            for text in texts:
                assert text.strip() == text
                assert text.endswith(ENDS), text
                assert not re.search(r"[{}]|None|nan|  |\.\.", text), text


@pytest.mark.parametrize("code", language_codes())
def test_no_sentence_and_no_line_serves_two_states(code: str) -> None:
    states: dict[str, set[str]] = defaultdict(set)
    with speaking(language(code)):
        for about in VERDICTS:
            for text in said(about)[:3]:
                states[text].add(about.state)
        labels = sentences.state_labels()
    assert {text: of for text, of in states.items() if len(of) > 1} == {}
    assert len(set(labels.values())) == len(STATES)


@pytest.mark.parametrize("state", [state for state in STATES if state != "restricted"])
def test_only_restricted_speaks_of_holding_back(state: str) -> None:
    for about in VERDICTS:
        if about.state == state:
            assert "holding back" not in " ".join(said(about))
            assert "Signs of restriction" not in " ".join(said(about))


def test_nobody_is_accused() -> None:
    accusing = re.compile(r"\b(government|regulator|provider|operator|censor\w*|proves?|certain(?:ly)?|guilty)\b", re.I)
    assert [text for about in VERDICTS for text in said(about) if accusing.search(text)] == []


def figures_of(about: Verdict) -> dict[str, float]:
    """The figures, and the numbers of the parameters, by names that end with the end of the interval."""
    numbers = [(name, value) for name, value in about.parameters.items() if isinstance(value, Number)]
    ends = {f"{name}_{end}": getattr(value, end) for name, value in numbers for end in ("estimate", "low", "high")}
    return {name: value or 0.0 for name, value in {**about.figures, **ends}.items()}


def as_written(name: str, value: float) -> set[str]:
    """The number as such, in hundreds, and with a digit after the point; the ends of intervals rounded outward."""
    turn = floor if name.endswith("_low") else ceil if name.endswith("_high") else round
    return {str(turn(round(value * scale, 6))) for scale in (1, 100)} | {f"{turn(round(value * 10, 6)) / 10:.1f}"}


def test_numbers_in_a_sentence_are_figures_of_the_verdict() -> None:
    """Nothing is printed that the verdict does not hold (percent and hundreds are its shares)."""
    for about in VERDICTS:
        held = {"1", "100", "4.5", "95"}
        held |= {written for name, value in figures_of(about).items() for written in as_written(name, value)}
        held |= {f"{about.watched_s:.1f}", f"{about.watched_s:.0f}", "10", "60"}
        if about.reason is not None:
            held |= {f"{about.reason.values.get('seconds', 0.0):.1f}", str(about.reason.values.get("calls", 0))}
        if about.log10_e is not None:
            odds = int(10 ** min(about.log10_e, 4))
            scale = 10 ** (len(str(odds)) - 2)
            held.add(str(odds // scale * scale))
        for text in said(about):
            for number in re.findall(r"\d[\d\u00a0]*(?:\.\d+)?", text):
                assert number.replace("\u00a0", "") in held, (number, text)


@pytest.mark.parametrize("code", REASONS)
def test_each_reason_is_a_clause_of_its_own_with_a_next_step(code: str) -> None:
    clauses = {other: reason_clause(Reason(other)) for other in REASONS}
    assert list(clauses.values()).count(clauses[code]) == 1  # type: ignore[index]
    clause, step = reason_clause(Reason(code)), next_step(Reason(code))  # type: ignore[arg-type]
    assert clause[0].islower()
    assert not clause.endswith(".")
    assert step[0].isupper()
    assert step.endswith(".")
    said_of_it = sentences.verdict_sentence(verdict_of_state("insufficient", reason=Reason(code)))  # type: ignore[arg-type]
    if code == "watched_briefly":
        assert said_of_it.startswith("No sign of restriction in the first ")
    else:
        assert clause in said_of_it


@pytest.mark.parametrize("medium", ["voice", "video"])
def test_calls_that_ended_are_not_told_as_not_watched_for_longer(medium: str) -> None:
    ended = Reason("watched_briefly", {"seconds": 2.0, "ended": True})
    told = sentences.verdict_sentence(verdict_of_state("insufficient", medium=medium, reason=ended))
    assert "then a call went silent" in told
    assert "then a call went silent" in reason_clause(ended)
    assert "--light" not in next_step(ended)


def test_a_vpn_that_nobody_was_asked_about_is_told_apart() -> None:
    seen, unasked = reason_clause(Reason("vpn")), reason_clause(Reason("vpn", {"unanswered": True}))
    assert "seems to be on" in seen
    assert "nobody said" in unasked


@pytest.mark.parametrize(
    ("values", "who", "step"),
    [
        ({}, "this device or the test server was too busy", "Close what else runs on this device"),
        ({"at": "probe"}, "this device was too busy", "Close what else runs on this device"),
        ({"at": "responder"}, "the test server was too busy", "try another test server"),
    ],
)
def test_the_end_that_was_late_is_named(values: dict[str, str], who: str, step: str) -> None:
    late = Reason("late", values)
    assert reason_clause(late).startswith(who)
    assert step in next_step(late)
    assert who in sentences.verdict_sentence(verdict_of_state("insufficient", reason=late))


def test_a_check_of_one_app_is_not_sent_to_check_one_app() -> None:
    one, several = (next_step(Reason("own_load", {"apps": apps})) for apps in (1, 4))
    assert one == "Check again when nothing else uses this line."
    assert "one app alone" in several


def test_without_a_reason_something_is_said_all_the_same() -> None:
    assert reason_clause(None) == "not enough was measured"
    assert next_step(None) == "Check again at another hour."


@pytest.mark.parametrize("state", STATES)
def test_every_state_says_what_it_never_means(state: str) -> None:
    assert sentences.never_means()[state]  # type: ignore[index]
    assert set(sentences.STATE_MARKS) == set(STATES)
    assert len(set(sentences.STATE_MARKS.values())) == len(STATES)


def test_an_app_that_is_not_known_is_called_by_its_id() -> None:
    assert sentences.app_name_of("whatsapp") == "WhatsApp"
    assert sentences.app_name_of("newphone") == "newphone"
    assert "newphone" in sentences.verdict_sentence(verdict_of_state(app="newphone"))


def test_the_translation_note_is_there_only_where_nobody_reviewed() -> None:
    assert sentences.translation_note() == ""
    with speaking(language("fa")):
        assert bool(sentences.translation_note()) is not bool(language("fa").reviewed)


@pytest.mark.parametrize("code", language_codes())
def test_all_of_them_can_be_printed_for_the_eye(code: str) -> None:
    with speaking(language(code)):
        told = list(spoken_paragraphs())
    assert len(told) == len(set(told)) > 60
    assert not [text for text in told if "None" in text or "{" in text]
