"""How certain a verdict is, and what it is not."""

from __future__ import annotations

import pytest

from print_sentences import verdict_of_state
from talkpath.report.words.certainty import certainty_line, limits_line
from talkpath.report.words.check_context import CheckContext
from talkpath.report.words.reasons import next_step
from talkpath.verdict.model import Reason

SPACE = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("log10_e", "odds"),
    [(4.0, f"fewer than 1 check in 10{SPACE}000"), (5.2, f"fewer than 1 check in 10{SPACE}000"),
     (3.52, f"fewer than 1 check in 3{SPACE}300"),
     (6.0, "far fewer than 1 check in 10 000"), (400.0, "far fewer than 1 check in 10 000")],
)  # fmt: skip
@pytest.mark.parametrize("state", ["restricted", "closed"])
def test_odds_are_told_of_what_was_compared(state: str, log10_e: float, odds: str) -> None:
    assert f"alike, {odds} would look" in certainty_line(verdict_of_state(state, log10_e=log10_e))  # type: ignore[arg-type]


@pytest.mark.parametrize("state", ["restricted", "closed"])
def test_without_a_comparison_there_are_no_odds(state: str) -> None:
    line = certainty_line(verdict_of_state(state, log10_e=None))  # type: ignore[arg-type]
    assert line.startswith("No odds can be given")
    assert not any(letter.isdigit() for letter in line)


def test_ok_rests_on_the_canary() -> None:
    assert (
        certainty_line(verdict_of_state("ok"))
        == "The check plants a small loss of its own, as a test of itself, and found it."
    )


def test_insufficient_is_neither() -> None:
    assert certainty_line(verdict_of_state("insufficient")).startswith(
        "That says neither that calls are restricted nor that they"
    )


def test_unreachable_says_what_another_host_did_only_where_one_was_asked() -> None:
    referred = certainty_line(verdict_of_state("unreachable", rule="address.block"))
    assert "Other hosts answered in the same minute." in referred
    assert "does not answer while other hosts do" in referred
    assert "cannot be told" in certainty_line(verdict_of_state("unreachable", rule=None))


@pytest.mark.parametrize(("with_messages", "untested"), [(True, "own call servers"), (False, "own servers and your")])
@pytest.mark.parametrize("state", ["ok", "restricted"])
def test_what_was_not_tested_is_said(state: str, with_messages: bool, untested: str) -> None:
    line = limits_line(verdict_of_state(state), "Telegram", CheckContext(with_messages=with_messages))  # type: ignore[arg-type]
    assert f"Telegram's {untested}" in line


def test_ok_says_for_how_long_calls_were_watched() -> None:
    assert f"One of Telegram's calls was watched for 23{SPACE}s;" in limits_line(
        verdict_of_state("ok", watched_s=22.7), "Telegram", CheckContext(with_messages=False)
    )


@pytest.mark.parametrize("state", ["ok", "restricted", "closed", "impaired"])
def test_few_recordings_are_admitted_where_the_shape_matters(state: str) -> None:
    sure, unsure = (
        limits_line(verdict_of_state(state, confidence=level), "Max", CheckContext(with_messages=False))
        for level in ("high", "low")
    )  # type: ignore[arg-type]
    assert ("public recordings" in unsure) is (state in ("ok", "restricted"))
    assert "public recordings" not in sure


@pytest.mark.parametrize("code", ["budget", "late", "vpn", "canary", "network_changed"])
def test_insufficient_says_what_to_do_next(code: str) -> None:
    reason = Reason(code)  # type: ignore[arg-type]
    assert limits_line(
        verdict_of_state("insufficient", reason=reason), "Max", CheckContext(with_messages=False)
    ) == next_step(reason)


def test_closed_and_impaired_are_no_restriction_of_one_app() -> None:
    assert "no restriction of one app" in limits_line(
        verdict_of_state("closed"), "Max", CheckContext(with_messages=False)
    )
    assert "no sign of restriction" in limits_line(
        verdict_of_state("impaired"), "Max", CheckContext(with_messages=False)
    )
