"""Bitmaps to numpy and back."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from talkpath.measure.bitmap import pack_bitmap, sent_and_lost, unpack_bitmap, unpack_bitmap_rows
from talkpath.measure.facts import Observation


@given(st.integers(0, 200).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, max(0, n - 1))))))
def test_round_trip(case: tuple[int, set[int]]) -> None:
    size, indices = case
    indices = {i for i in indices if i < size}
    assert set(np.flatnonzero(unpack_bitmap(pack_bitmap(indices, size), size))) == indices


@given(st.binary(max_size=4), st.integers(0, 99))
def test_bits_beyond_the_bitmap_are_unset(bitmap: bytes, size: int) -> None:
    """Also where it is empty, and whatever lay in memory before."""
    dirty = [np.full(size + 1, 255, np.uint8) for _ in range(20)]
    del dirty
    assert not unpack_bitmap(bitmap, size)[8 * len(bitmap) :].any()


@given(st.lists(st.binary(max_size=4), max_size=5), st.integers(0, 40))
def test_rows_are_what_each_bitmap_is_by_itself(bitmaps: list[bytes], size: int) -> None:
    alone = [unpack_bitmap(bitmap, size) for bitmap in bitmaps]
    assert unpack_bitmap_rows(bitmaps, size).tolist() == [row.tolist() for row in alone]


def test_matrix_counts_what_was_sent() -> None:
    flow = Observation(0, 0, "call", "up", sent=b"\x0f", arrived=b"\x03", late=b"\x04")
    counted, lost = sent_and_lost([flow], 8)
    assert np.flatnonzero(counted[0]).tolist() == [0, 1, 2, 3]
    assert np.flatnonzero(lost[0]).tolist() == [2, 3]
