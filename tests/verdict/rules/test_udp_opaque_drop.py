"""`udp.opaque_drop`: calls and random twins are lost, text twins pass."""

from __future__ import annotations

from factories.checks import boxed
from factories.checks.rule_cases import Case, assert_named, named_on_every_line, verdict_of

CASES = [
    Case("webrtc", None, boxed.block_ports(roles=["call", "random"])),
    Case("webrtc", "down", boxed.block_ports("down", roles=["call", "random"], p=0.5)),
]


@named_on_every_line(CASES)
def test_it_is_named(case: Case, line: str) -> None:
    assert_named("udp.opaque_drop", case, line)


def test_where_text_is_lost_too_it_is_another_rule() -> None:
    assert verdict_of("webrtc", [boxed.block_ports(p=0.5)]).rule != "udp.opaque_drop"
