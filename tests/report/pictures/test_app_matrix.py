"""A check as a table of apps by media."""

from __future__ import annotations

from typing import Any

import pytest

from print_sentences import STATES, verdict_of_state
from talkpath.report.pictures.app_matrix import MATRIX_MEDIA, app_cell, carrying_transports, matrix_rows
from talkpath.report.words import sentences
from talkpath.report.words.reasons import reason_clause
from talkpath.verdict.model import Reason


def row(transport: str, carries: bool, app: str = "telegram", medium: str = "voice") -> dict[str, Any]:
    return {"app": app, "medium": medium, "transport": transport, "carries": carries}


@pytest.mark.parametrize("state", STATES)
def test_a_cell_is_mark_label_and_how(state: Any) -> None:
    found = app_cell(verdict_of_state(state))
    assert (found.state, found.mark, found.label) == (
        state,
        sentences.STATE_MARKS[found.state],
        sentences.state_labels()[state],
    )
    if state == "restricted":
        assert found.how.startswith("call packets are dropped at random")
    if state == "insufficient":
        assert found.how == reason_clause(Reason("budget"))
    if state in ("ok", "impaired"):
        assert found.how == ""


def test_known_is_when_the_evidence_sufficed_else_when_it_was_decided() -> None:
    assert app_cell(verdict_of_state(known_at_s=6.4, decided_at_s=8.1)).known_s == 6.4
    assert app_cell(verdict_of_state(known_at_s=None, decided_at_s=8.1)).known_s == 8.1
    assert app_cell(verdict_of_state(known_at_s=None, decided_at_s=None)).known_s is None


def test_a_row_is_an_app_in_the_order_of_the_verdicts() -> None:
    found = matrix_rows(
        [
            verdict_of_state(app="signal"),
            verdict_of_state("ok", app="telegram"),
            verdict_of_state("ok", app="signal", medium="video"),
        ]
    )
    assert [(one.app, one.name, sorted(one.cells)) for one in found] == [
        ("signal", "Signal", ["video", "voice"]),
        ("telegram", "Telegram", ["voice"]),
    ]
    assert set(MATRIX_MEDIA) == {"text", "voice", "video"}
    assert matrix_rows([]) == []


@pytest.mark.parametrize(
    ("tried", "told"),
    [
        ([], ""),
        ([("tcp/443", True), ("udp/443", False)], "TCP 443"),
        ([("tcp/443", True), ("wss/443", True), ("tcp/443", True)], "TCP 443, WebSocket 443"),
        ([("tcp/443", False), ("udp/443", False)], "none of 2 tried"),
    ],
)
def test_what_still_carries(tried: list[tuple[str, bool]], told: str) -> None:
    transports = [row(transport, carries) for transport, carries in tried]
    assert carrying_transports(verdict_of_state(), transports) == told
    assert app_cell(verdict_of_state(), transports).carried == told


def test_transports_of_other_apps_and_media_do_not_count() -> None:
    others = [row("tcp/443", True, app="signal"), row("tcp/443", True, medium="video")]
    assert carrying_transports(verdict_of_state(), others) == ""
