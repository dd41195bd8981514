"""Where calls are cut off, from what arrived before and was sent after."""

from __future__ import annotations

from talkpath.verdict.flows.cut_off_point import cut_off_count
from talkpath.verdict.model import Number


def test_the_count_lies_between_what_passed_and_what_was_sent() -> None:
    assert cut_off_count([]) == Number(None, None, None)
    assert cut_off_count([(38, 41), (39, 44), (40, 42), (40, 43)]) == Number(42.0, 39.0, 45.0)


def test_of_bytes_the_count_is_known_to_a_packet() -> None:
    """Three calls whose next packet, of 120 bytes, did not pass."""
    found = cut_off_count([(36_290, 36_409), (36_250, 36_369), (36_301, 36_420)], packet=120.0)
    assert found == Number(36_360.5, 36_181.0, 36_540.0)
