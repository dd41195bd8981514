"""`media.delay`: packets of calls arrive later than those of twins."""

from __future__ import annotations

from factories.checks import boxed
from factories.checks.rule_cases import Case, assert_named, each_direction, named_on_every_line, verdict_of

CASES = [
    *each_direction("webrtc", lambda way: boxed.added_delay(80, 0, way), ms=80),
    *each_direction("webrtc", lambda way: boxed.added_delay(200, 40, way), ms=200, jitter_ms=40),
]


@named_on_every_line(CASES)
def test_it_is_named(case: Case, line: str) -> None:
    assert_named("media.delay", case, line)


def test_a_delay_too_short_to_matter_accuses_nobody() -> None:
    assert verdict_of("webrtc", [boxed.added_delay(5)]).state != "restricted"
