"""`udp.block`: no UDP arrives, TCP does."""

from __future__ import annotations

from factories.checks import boxed
from factories.checks.rule_cases import Case, assert_named, named_on_every_line, verdict_of

CASES = [
    Case("webrtc", None, boxed.block_ports()),
    Case("webrtc", None, boxed.block_ports("up")),  # the far end says nothing: of down nothing is known
    Case("webrtc", "down", boxed.block_ports("down")),
]


@named_on_every_line(CASES)
def test_it_is_named(case: Case, line: str) -> None:
    assert_named("udp.block", case, line)


def test_one_packet_that_arrives_is_no_block() -> None:
    assert verdict_of("webrtc", [boxed.block_ports(p=0.97)]).rule != "udp.block"
