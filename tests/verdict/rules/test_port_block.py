"""`port.block`: flows to some ports never pass, to others they do."""

from __future__ import annotations

from factories.checks import boxed
from factories.checks.rule_cases import LINES, Case, assert_named, named_on_every_line, verdict_of
from talkpath.verdict.model import Category
from talkpath.verdict.rules import port_block

CASES = [
    Case("webrtc", "down", boxed.block_ports("down", ports=[3478]), {"port": 3478}),
    Case("webrtc", None, boxed.block_ports("up", ports=[3478]), {"port": 3478}),
    Case("webrtc", None, boxed.block_ports(ports=[3478]), {"port": 3478}),
    Case("webrtc", None, boxed.block_ports(ports=[3471, 3478]), {"port": "3471,3478"}),
]


@named_on_every_line(CASES)
def test_it_is_named(case: Case, line: str) -> None:
    assert_named("port.block", case, line)


def test_ports_that_failed_once_are_not_dead() -> None:
    facts = boxed.play_check(boxed.Line([boxed.block_ports(p=0.5)], seed=2))
    assert port_block.dead_ports(facts) == []


CALLS_ONLY = [
    Case("webrtc", None, boxed.block_ports(ports=range(3470, 3478), roles=["call"])),
    Case("whatsapp", None, boxed.block_ports(ports=range(3470, 3478), roles=["call"])),
]


@named_on_every_line(CALLS_ONLY)
def test_calls_alone_to_some_ports_are_restricted(case: Case, line: str) -> None:
    verdict = verdict_of(case.app, [case.box, *LINES[line]()])
    assert (verdict.state, verdict.rule, verdict.direction) == ("restricted", "port.block", None)
    ports = verdict.parameters["port"]
    assert isinstance(ports, Category)
    assert set(map(int, ports.value.split(","))) <= set(range(3470, 3478))
