"""A rule as a clause: also one that nobody has written words for."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from talkpath.report.words import mechanism as words
from talkpath.verdict.model import Category, Number, Verdict
from talkpath.verdict.rules import all_rules
from talkpath.verdict.rules.rule import Parameter, Rule

NEW = Rule(
    id="media.echo",
    state="restricted",
    mechanisms=("M99",),
    means="Packets of calls come back to their sender.",
    shown_by="a test",
    explain=lambda view: None,
    parameters=(
        Parameter("share", "share", "of packets"),
        Parameter("echo_ms", "ms", "after they were sent"),
        Parameter("whose", "", "packets come back"),
    ),
)


def said(**parameters: Number | Category) -> str:
    return words.mechanism_clause(
        Verdict("signal", "ringrtc", "voice", "restricted", "media.echo", parameters=parameters)
    )


@pytest.fixture(autouse=True)
def _new_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "all_rules", lambda: {**all_rules(), NEW.id: NEW})


def test_a_new_rule_prints_what_it_means_and_every_declared_parameter_with_its_unit() -> None:
    assert said(share=Number(0.25, 0.2, 0.31), echo_ms=Number(120.0, 100.0, 140.0), whose=Category("up")) == (
        "packets of calls come back to their sender; share about 0.25 share (0.20 to 0.31); "
        "echo_ms about 120 ms (100 to 140); whose up"
    )


def test_what_is_not_known_is_left_out() -> None:
    assert said(echo_ms=Number(120.0, None, None)) == (
        "packets of calls come back to their sender; echo_ms about 120 ms"
    )
    assert said(share=Number(None, 0.1, None)) == "packets of calls come back to their sender"


def test_every_rule_that_has_words_of_its_own_keeps_them() -> None:
    clause = words.mechanism_clause(
        Verdict("signal", "ringrtc", "voice", "restricted", "media.drop", parameters={"p": Number(0.3, 0.2, 0.4)})
    )
    assert clause == "call packets are dropped at random, about 30% (20% to 40%)"


def test_an_apps_own_servers_that_do_not_answer_are_no_test_servers() -> None:
    verdict = Verdict(app="telegram", variant="", medium="voice", state="restricted", basis="address")
    told = words.mechanism_clause(replace(verdict, rule="address.block"))
    assert told == "the app's own servers do not answer while others do"
    assert "test server" in words.mechanism_clause(replace(verdict, rule="address.block", basis="probe"))
