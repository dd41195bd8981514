"""Messages: restricted needs three failures beside neutral answers, ok needs every answer, the rest is doubt."""

from __future__ import annotations

import pytest

from talkpath.measure.facts import Exchange, Facts, Health, Plan
from talkpath.verdict.bases.endpoints import judge_messages
from talkpath.verdict.judge import judge_facts


def facts(own: str, neutral: str, **more: object) -> Facts:
    """One character a round, "+" answered, "-" not."""
    rounds = [("telegram", False, own), ("", True, neutral)]
    exchanges = tuple(
        Exchange(app, "host", is_neutral, 2.0 * number, mark == "+", took_s=0.5)
        for app, is_neutral, marks in rounds
        for number, mark in enumerate(marks)
    )
    return Facts(Plan(()), exchanges=exchanges, simulated=True, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("own", "neutral", "state", "reason"),
    [
        ("+++", "+++", "ok", None),
        ("+++", "---", "ok", None),
        ("---", "+++", "restricted", None),
        ("----", "++++", "restricted", None),
        ("--", "+++", "insufficient", "single_request"),
        ("-", "+++", "insufficient", "single_request"),
        ("--+", "+++", "insufficient", "single_request"),
        ("---", "---", "insufficient", "no_control"),
        ("---", "++-", "insufficient", "no_control"),
        ("---", "++", "insufficient", "no_control"),
        ("---", "", "insufficient", "no_control"),
    ],
)
def test_states(own: str, neutral: str, state: str, reason: str | None) -> None:
    (verdict,) = judge_messages(facts(own, neutral))
    assert (verdict.state, verdict.reason and verdict.reason.code) == (state, reason)
    assert (verdict.medium, verdict.basis, verdict.log10_e, verdict.rule) == ("text", "signalling", None, None)
    assert verdict.flow_count == len(own)


def test_known_when_the_last_answer_is_in() -> None:
    (verdict,) = judge_messages(facts("---", "+++"))
    assert verdict.known_at_s == verdict.decided_at_s == 4.5
    (well,) = judge_messages(facts("+++", "+++"))
    assert (well.known_at_s, well.decided_at_s) == (None, 4.5)


def test_a_void_run_says_nothing_of_messages() -> None:
    (verdict,) = judge_messages(facts("---", "+++", health=Health(router_drops=3)))
    assert verdict.reason is not None
    assert (verdict.state, verdict.reason.code) == ("insufficient", "late")


def test_each_app_has_its_own_verdict_and_a_check_without_exchanges_none() -> None:
    two = facts("+++", "+++")
    more = tuple(Exchange("signal", "host", False, float(number), False) for number in range(3))
    both = Facts(Plan(()), exchanges=two.exchanges + more, simulated=True)
    assert [(verdict.app, verdict.state) for verdict in judge_facts(both)] == [
        ("telegram", "ok"),
        ("signal", "restricted"),
    ]
    assert judge_facts(Facts(Plan(()))) == []
