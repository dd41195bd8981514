"""`dtls.hello_drop`: the handshake is lost, of every maker or of some."""

from __future__ import annotations

from factories.checks import boxed
from factories.checks.rule_cases import Case, assert_named, named_on_every_line
from talkpath.verdict.rules import dtls_hello_drop
from talkpath.wire.control.question import HelloContrast

CASES = [
    Case("webrtc", "up", boxed.stage_drop(["dtls"], "up"), {"hello": "any"}),
    Case("webrtc", "down", boxed.stage_drop(["dtls"], "down"), {"hello": "any"}),
    Case("webrtc", "up", boxed.stage_drop(["dtls"], "up", ["browser"]), {"hello": "browser"}),
    Case("webrtc", "up", boxed.stage_drop(["dtls"], "up", ["browser", "pion"]), {"hello": "browser,pion"}),
]


@named_on_every_line(CASES)
def test_it_is_named(case: Case, line: str) -> None:
    assert_named("dtls.hello_drop", case, line)


def test_the_hello_of_other_makers_is_asked_for() -> None:
    assert dtls_hello_drop.RULE.contrasts == (HelloContrast("openssl"), HelloContrast("pion"))
