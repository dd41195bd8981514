"""`udp.freeze`: every flow is cut off at one count of packets."""

from __future__ import annotations

from factories.checks import boxed
from factories.checks.rule_cases import Case, assert_named, named_on_every_line
from talkpath.verdict.rules import udp_freeze

CASES = [
    Case("webrtc", "both", boxed.freeze_after(25, whom=boxed.is_udp), {"after_packets": 25}),
    Case("whatsapp", "both", boxed.freeze_after(40, whom=boxed.is_udp), {"after_packets": 40}),
    Case("webrtc", "down", boxed.freeze_after(30, direction="down", whom=boxed.is_udp), {"after_packets": 30}),
]


@named_on_every_line(CASES)
def test_it_is_named(case: Case, line: str) -> None:
    assert_named("udp.freeze", case, line)


def test_where_only_calls_end_nothing_is_closed() -> None:
    facts = boxed.play_check(boxed.Line([boxed.freeze_after(25)], seed=2))
    assert [udp_freeze.epoch_silence(epoch) for epoch in facts.epochs] == [None] * len(facts.epochs)
