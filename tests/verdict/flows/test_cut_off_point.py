"""Where calls are cut off, from what arrived before and was sent after."""

from __future__ import annotations

from talkpath.verdict.flows.cut_off_point import cut_off_packets
from talkpath.verdict.model import Number


def test_the_count_lies_between_what_passed_and_what_was_sent() -> None:
    assert cut_off_packets([]) == Number(None, None, None)
    assert cut_off_packets([(38, 41), (39, 44), (40, 42), (40, 43)]) == Number(42.0, 39.0, 45.0)
