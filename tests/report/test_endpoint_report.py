"""What is told of the apps' own servers: nothing beyond what they answered, and the plan before that."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from talkpath.report import endpoint_report
from talkpath.verdict.model import Reason, Verdict

FIGURES: dict[str, float | None] = {"hosts": 3.0, "hosts_silent": 2.0, "requests": 7.0}


def verdict(state: str, rule: str | None = None, **more: Any) -> Verdict:
    fields = {"medium": "text", "basis": "signalling", "figures": FIGURES} | more
    return Verdict("telegram", "", state=state, rule=rule, **fields)  # type: ignore[arg-type]


def shown(*verdicts: Verdict) -> str:
    console = Console(width=200, no_color=True)
    with console.capture() as capture:
        endpoint_report.show(console, verdicts)
    return capture.get()


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("dns.remove", "name server does not know Telegram's servers"),
        ("allowlist", "Only chosen servers answer"),
        ("address.block", "do not answer from here"),
        ("signalling.block", "Handshakes with Telegram's servers do not complete"),
    ],
)
def test_each_rule_has_its_sentence_and_what_it_is_not(rule: str, said: str) -> None:
    text = shown(verdict("restricted", rule))
    assert said in text
    assert "Signs of restriction" in text
    assert "2 of 3 ways of asking failed" in text
    assert "servers that are down would look the same" in text


def test_an_answer_is_no_call() -> None:
    voice, text = shown(verdict("ok", medium="voice", basis="address")), shown(verdict("ok"))
    assert "call servers answer" in voice
    assert "Telegram's servers answer" in text
    assert all("does not say that a call gets through" in told for told in (voice, text))
    assert "failed" not in voice + text


def test_what_could_not_be_told_says_what_it_would_be_consistent_with_and_no_more() -> None:
    doubt = {"reason": Reason("no_control"), "alternatives": ("address.block",), "confidence": "low"}
    text = shown(verdict("insufficient", **doubt))
    assert "nothing to compare with" in text
    assert "consistent with this: " in text
    assert "not sure that these servers still answer anybody" in text
    assert "Signs of" not in text
    assert "consistent" not in shown(verdict("insufficient", reason=Reason("no_control")))


def test_the_plan_shows_every_host_and_how_often() -> None:
    steps = [{"app": "telegram", "asks": kind, "host": f"{kind}.example", "port": 1} for kind in
             ("stun", "tcp", "tls", "dns", "resolver")]  # fmt: skip
    console = Console(width=200, no_color=True)
    with console.capture() as capture:
        console.print(endpoint_report.plan([*steps, {**steps[0], "app": ""}], 3))
    text = capture.get()
    assert all(f"{step['host']}" in text for step in steps)
    assert "dns.example 1" not in text
    assert "neutral" in text
    assert "up to 3 times in all" in text
    assert "no address that comes back is kept" in text
