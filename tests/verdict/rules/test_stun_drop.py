"""`stun.drop`: requests or answers of STUN and TURN are lost, media of the same calls pass."""

from __future__ import annotations

import calls
from made_checks import Case, assert_named, named_on_every_line, verdict_of

CASES = [
    Case("webrtc", "up", calls.stage_drop(["stun"], "up")),
    Case("webrtc", "up", calls.stage_drop(["stun"], "both")),
    Case("webrtc", "down", calls.stage_drop(["stun"], "down")),
    Case("whatsapp", "up", calls.stage_drop(["allocate"], "up")),
]


@named_on_every_line(CASES)
def test_it_is_named(case: Case, line: str) -> None:
    assert_named("stun.drop", case, line)


def test_set_up_that_fails_for_twins_too_accuses_nobody() -> None:
    verdict = verdict_of("webrtc", [calls.stage_drop(["stun"], "both", whom=calls.everything)])
    assert verdict.state != "restricted"
