"""What is said after each of several checks, and of all of them together."""

from __future__ import annotations

import io
import re

import pytest
from msgspec import structs
from rich.console import Console

from print_sentences import verdict_of_state
from talkpath.report.watch_report import check_line, missed_line, show_watch, watch_json
from talkpath.report.words.language import language, speaking
from talkpath.verdict.model import Reason

AT = "2026-11-27T15:00Z"
TOGETHER = verdict_of_state(figures={"checks": 12.0, "checks_restricted": 5.0}, log10_e=9.25)


def shown(log10_e: float = 9.25) -> str:
    out = io.StringIO()
    show_watch(Console(file=out, width=140), [structs.replace(TOGETHER, log10_e=log10_e)])
    return out.getvalue()


def test_a_check_is_one_line_that_groups_apps_by_result() -> None:
    line = check_line(
        AT,
        [
            verdict_of_state(app="telegram"),
            verdict_of_state("ok", app="signal"),
            verdict_of_state(app="max", medium="video"),
        ],
    )
    assert line == (
        f"{AT}  Signs of restriction: Telegram (voice), Max (video); No sign of restriction: Signal (voice)"
    )
    assert "\n" not in line


def test_a_check_that_could_not_be_made_is_told() -> None:
    assert missed_line(AT) == f"{AT}  The test server could not be used this time."


def test_all_checks_together_have_their_evidence_and_what_is_promised() -> None:
    text = shown()
    assert "All checks together:" in text
    (row,) = [line for line in text.splitlines() if "Telegram" in line]
    assert "✗ Signs of restriction (call packets are dropped at random" in row
    assert "5 of 12" in row
    assert "checks with signs" in text, 'a ✓ beside "0 of 2" reads as no check that counts'
    assert "fewer than 1 watch in 10 000 accuses" in " ".join(text.split())


@pytest.mark.parametrize(
    ("log10_e", "told"),
    [
        (9.25, "less than 1 in 10\N{NO-BREAK SPACE}000"),
        (4.7, "less than 1 in 10\N{NO-BREAK SPACE}000"),
        (2.5, "less than 1 in 310"),
        (0.1, "none"),
        (-0.6, "none"),
    ],
)
def test_evidence_is_odds_in_plain_words(log10_e: float, told: str) -> None:
    (row,) = [line for line in shown(log10_e).splitlines() if "Telegram" in line]
    assert re.search(rf"5 of 12 +{re.escape(told)}$", row.rstrip())
    assert "^" not in row


def test_the_note_on_the_translation_follows() -> None:
    with speaking(language("ru")):
        text = shown()
    assert "5 из 12" in text
    assert "переведён машиной" in text


@pytest.mark.parametrize("check", [None, {"schema": "talkpath.check/1"}])
def test_a_line_of_json_holds_the_check_and_all_so_far(check: dict[str, str] | None) -> None:
    record = watch_json(3, AT, check, [TOGETHER])
    assert (record["schema"], record["number"], record["at"], record["check"]) == ("talkpath.watch/1", 3, AT, check)
    assert [found["state"] for found in record["together"]] == ["restricted"]


def test_where_no_check_could_tell_there_is_a_sentence_and_no_empty_table() -> None:
    out = io.StringIO()
    show_watch(Console(file=out, width=140), [])
    assert out.getvalue().strip() == "No check could tell, so all together say nothing yet. Go on later."


def test_a_line_says_why_a_check_could_not_tell() -> None:
    line = check_line("2026-12-02T10:59Z", [verdict_of_state("insufficient", reason=Reason("late", {"at": "probe"}))])
    assert line.endswith("Could not tell (this device was too busy to send on time): Telegram (voice)")
