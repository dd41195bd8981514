"""`udp.freeze`: every flow is cut off at one count of packets."""

from __future__ import annotations

import calls
from made_checks import Case, assert_named, named_on_every_line

from talkpath.verdict.rules import udp_freeze

CASES = [
    Case("webrtc", "both", calls.freeze(25, whom=calls.everything), {"after_packets": 25}),
    Case("whatsapp", "both", calls.freeze(40, whom=calls.everything), {"after_packets": 40}),
    Case("webrtc", "down", calls.freeze(30, direction="down", whom=calls.everything), {"after_packets": 30}),
]


@named_on_every_line(CASES)
def test_it_is_named(case: Case, line: str) -> None:
    assert_named("udp.freeze", case, line)


def test_where_only_calls_end_nothing_is_closed() -> None:
    facts = calls.check(calls.Line([calls.freeze(25)], seed=2))
    assert [udp_freeze.silenced(epoch) for epoch in facts.epochs] == [None] * len(facts.epochs)
