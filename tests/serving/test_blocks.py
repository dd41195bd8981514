"""Places by address block: nobody takes more than a share, and what was given back is free."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.serving.connections import BlockPlaces, block_of

HOSTS = st.sampled_from(["192.0.2.7", "192.0.2.200", "198.51.100.1", "2001:db8::1", "2001:db8:0:1::1", "", "unix"])


def test_a_block_is_a_24_or_a_48():
    assert block_of("192.0.2.7") == block_of("192.0.2.200") == block_of("::ffff:192.0.2.7") != block_of("192.0.3.7")
    assert block_of("2001:db8:1::1") == block_of("2001:db8:1:ffff::2%eth0") != block_of("2001:db8:2::1")
    for wrong in ("", "unix", "1.2.3", "a" * 1000):
        with pytest.raises(ValueError, match="no address"):
            block_of(wrong)


@given(st.lists(st.tuples(st.booleans(), HOSTS), max_size=60))
def test_places_are_counted_in_all_and_by_block(steps: list[tuple[bool, str]]):
    places, taken = BlockPlaces(5, 2), list[str]()

    def block(host: str) -> bytes:
        return block_of(host) if host not in ("", "unix") else b""

    for takes, host in steps:
        if takes:
            of_block = Counter(map(block, taken))[block(host)]
            assert places.take(host) == (len(taken) < 5 and of_block < 2)
            if len(taken) < 5 and of_block < 2:
                taken.append(host)
        elif host in taken:
            taken.remove(host)
            places.give_back(host)


def test_a_place_is_given_back_when_what_it_was_for_ends_even_with_an_error():
    places = BlockPlaces(9, 1)
    for _ in range(3):
        with suppress(RuntimeError), places.held("192.0.2.1") as first:
            assert first
            with places.held("192.0.2.200") as second:
                assert not second
            with places.held("192.0.3.1") as elsewhere:
                assert elsewhere
            raise RuntimeError
