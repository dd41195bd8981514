"""`port.block`: flows to some ports never pass, to others they do."""

from __future__ import annotations

import calls
from made_checks import Case, assert_named, named_on_every_line

from talkpath.verdict.rules import port_block

CASES = [
    Case("webrtc", "both", calls.block(ports=[3478]), {"port": 3478}),
    Case("webrtc", "both", calls.block(ports=[3471, 3478]), {"port": "3471,3478"}),
]


@named_on_every_line(CASES)
def test_it_is_named(case: Case, line: str) -> None:
    assert_named("port.block", case, line)


def test_ports_that_failed_once_are_not_dead() -> None:
    facts = calls.check(calls.Line([calls.block(p=0.5)], seed=2))
    assert port_block.dead_ports(facts) == []
