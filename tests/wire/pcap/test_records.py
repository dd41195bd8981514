"""Where records begin is the same whether one walk finds it or many side by side."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from random import Random

import numpy as np
import pytest

from talkpath.wire.pcap import records
from talkpath.wire.pcap.arrays import TAIL_PADDING_BYTES

BEGIN_S, HEADER = 1_700_000_000, 16


def written(sizes: list[int], order: str, header: int = HEADER, step_s: int = 1, fill: bytes = b"") -> bytearray:
    """Records of these sizes, so many seconds apart, filled with random bytes or with `fill` again and again."""
    rng, out = Random(1), bytearray(24)
    for number, size in enumerate(sizes):
        data = (fill * size)[:size] if fill else rng.randbytes(size)
        out += struct.pack(order + "IIII", BEGIN_S + number * step_s, 0, size, size).ljust(header, b"\0") + data
    return out


def walked(data: bytearray, order: str, header: int = HEADER) -> list[int]:
    """Where a plain walk finds records."""
    at, out = 24, []
    while at <= len(data) - header:
        out.append(at)
        at += header + struct.unpack_from(order + "I", data, at + 8)[0]
    return out


def found(data: bytearray, order: str, header: int = HEADER) -> list[int]:
    return records.record_starts(data + bytes(TAIL_PADDING_BYTES), 24, len(data), order, header).tolist()


@pytest.fixture
def plain_walks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many steps were walked one by one, an entry for each stretch."""
    stretches: list[int] = []
    walk = records._one_by_one

    def counted(*arguments: object) -> Iterator[int]:
        steps = list(walk(*arguments))  # type: ignore[arg-type]
        stretches.append(len(steps))
        return iter(steps)

    monkeypatch.setattr(records, "_one_by_one", counted)
    return stretches


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("header", [16, 24])
@pytest.mark.parametrize("step_s", [1, 100, 70_000])
def test_a_large_block_is_walked_side_by_side(order: str, header: int, step_s: int, plain_walks: list[int]):
    rng = Random(2)
    data = written([rng.randrange(20, 1500) for _ in range(2000)], order, header, step_s)
    assert found(data, order, header) == walked(data, order, header)
    assert not plain_walks


def test_a_small_block_is_walked_one_by_one(plain_walks: list[int]):
    data = written([60] * 100, "<")
    assert found(data, "<") == walked(data, "<")
    assert plain_walks == [100]


def test_contents_that_look_like_records_do_not_mislead():
    """Each packet holds record headers, which lead to each other and never to a real one."""
    fake = struct.pack("<IIII", BEGIN_S, 0, 16, 16) + bytes(16)
    data = written([1999] * 400, "<", fill=fake[1:] + fake[:1])
    assert found(data, "<") == walked(data, "<")


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF, 3])
def test_a_damaged_length_ends_where_a_plain_walk_ends(size: int):
    data = written([500] * 2000, "<")
    struct.pack_into("<I", data, walked(data, "<")[1200] + 8, size)
    assert found(data, "<") == walked(data, "<")


def test_tiny_records():
    data = written([0] * 40_000, "<")
    assert found(data, "<") == walked(data, "<")
    assert np.all(np.diff(found(data, "<")) == HEADER)
