"""Equal keys are grouped as `np.unique` groups them."""

from __future__ import annotations

import numpy as np
import pytest

from talkpath.wire.pcap.arrays import FEW_KEYS, KEY_SLOTS, Words, group_keys


def hashes(different: int, size: int, seed: int = 1) -> Words:
    """So many keys, some of them much more often than others."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 1 << 63, different, np.uint64)[rng.zipf(1.3, size) % different]


@pytest.mark.parametrize(
    "keys",
    [
        np.zeros(0, np.uint64),
        hashes(5, 20),
        hashes(300, FEW_KEYS),
        hashes(1, 5000),
        hashes(40_000, 100_000),
        hashes(300, 9000) & ~np.uint64(KEY_SLOTS - 1),  # all share their last bits
        np.repeat(hashes(50, 100), 99).reshape(-1, 99)[:, 7:90].ravel(order="F"),
    ],
    ids=["none", "few", "as few as are sorted", "one", "many", "in one slot", "interleaved"],
)
def test_keys_are_grouped_as_by_sorting(keys):
    groups, (unique, first, inverse, count) = group_keys(keys), np.unique(keys, True, True, True)
    assert np.array_equal(groups.keys, unique)
    assert np.array_equal(groups.first, first)
    assert np.array_equal(groups.place, inverse)
    assert np.array_equal(groups.count, count)


def test_a_column_of_records_is_grouped():
    records = np.zeros(5000, np.dtype([("size", "u1"), ("key", "u8")]))
    records["key"] = hashes(70, 5000)
    assert np.array_equal(records["key"], group_keys(records["key"]).keys[group_keys(records["key"]).place])
