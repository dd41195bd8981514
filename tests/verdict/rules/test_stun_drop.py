"""`stun.drop`: requests or answers of STUN and TURN are lost, media of the same calls pass."""

from __future__ import annotations

from factories.checks import boxed
from factories.checks.rule_cases import Case, assert_named, named_on_every_line, verdict_of

CASES = [
    Case("webrtc", None, boxed.stage_drop(["stun"], "up")),  # answers are not sent: of down nothing is known
    Case("webrtc", None, boxed.stage_drop(["stun"], "both")),
    Case("webrtc", "down", boxed.stage_drop(["stun"], "down")),
    Case("whatsapp", None, boxed.stage_drop(["allocate"], "up")),
]


@named_on_every_line(CASES)
def test_it_is_named(case: Case, line: str) -> None:
    assert_named("stun.drop", case, line)


def test_set_up_that_fails_for_twins_too_accuses_nobody() -> None:
    verdict = verdict_of("webrtc", [boxed.stage_drop(["stun"], "both", whom=boxed.is_udp)])
    assert verdict.state != "restricted"
