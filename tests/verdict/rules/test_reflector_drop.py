"""`reflector.drop`: the greeting to Telegram's reflectors is lost."""

from __future__ import annotations

from factories.checks import boxed
from factories.checks.rule_cases import Case, assert_named, named_on_every_line, verdict_of

CASES = [
    Case("telegram", "up", boxed.stage_drop(["reflector"], "both")),
]


@named_on_every_line(CASES)
def test_it_is_named(case: Case, line: str) -> None:
    assert_named("reflector.drop", case, line)


def test_an_app_without_reflectors_never_shows_it() -> None:
    assert verdict_of("webrtc", [boxed.stage_drop(["reflector"], "both")]).state == "ok"
