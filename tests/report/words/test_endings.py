"""Why a check did not begin or ended early."""

from __future__ import annotations

import pytest

from talkpath.report.words.endings import ending, without_a_server

BEFORE = ("refused", "timeout")
DURING = ("responder_lost", "network_lost", "interrupted")


@pytest.mark.parametrize("code", ["done", "budget", "connected"])
def test_a_check_that_ended_as_planned_needs_no_words(code: str) -> None:
    assert ending(code, measured=True) == ending(code, measured=False) == ""


@pytest.mark.parametrize("code", BEFORE)
def test_where_no_server_answered_the_next_step_is_said(code: str) -> None:
    assert "link" in ending(code, measured=False)
    assert "kept" not in ending(code, measured=True)


@pytest.mark.parametrize("code", DURING)
def test_what_was_measured_until_then_is_kept(code: str) -> None:
    with_some, with_none = ending(code, measured=True), ending(code, measured=False)
    assert with_some.endswith("What was measured until then is kept.")
    assert with_none.endswith("Nothing had been measured yet.")
    assert with_some.partition(". ")[0] == with_none.partition(". ")[0]


def test_every_ending_has_words_of_its_own() -> None:
    assert len({ending(code, measured=True) for code in BEFORE + DURING}) == len(BEFORE + DURING)


def test_without_a_server_three_ways_lead_on() -> None:
    text = without_a_server()
    assert [line.strip()[:2] for line in text.splitlines() if line.strip()[:2] in ("1.", "2.", "3.")] == [
        "1.",
        "2.",
        "3.",
    ]
    for command in (
        "talkpath respond --invite",
        "talkpath check",
        "docs/how-to/run-a-responder.md",
        "talkpath capture",
    ):
        assert command in text
