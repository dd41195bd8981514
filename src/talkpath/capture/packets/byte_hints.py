"""Finds the byte hints of app files in blocks of datagrams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from talkpath.apps.contract.byte_hint import ByteHint
from talkpath.wire.pcap.arrays import Bools, Bytes, Ints


class ByteHintTable:
    """Byte hints by the offset of their first mark, so that each is compared with few datagrams."""

    def __init__(self, hints: Iterable[ByteHint]) -> None:
        self.hints = tuple(hints)
        self._at: dict[int, tuple[Bools, list[int]]] = {}
        for number, hint in enumerate(self.hints):
            at, byte = hint.marks[0]
            first, numbers = self._at.setdefault(at, (np.zeros(256, np.bool_), []))
            first[byte] = True
            numbers.append(number)

    def find(self, head: Bytes, size: Ints, rows: Ints) -> Iterator[tuple[int, Ints]]:
        """Yield (number of the hint, the rows that it matches) for each hint that matches any."""
        for at, (first, numbers) in self._at.items():
            near = rows[first[head[rows, at]]]
            for number in numbers if len(near) else ():
                matching = _rows_matching(head, size, near, self.hints[number])
                if len(matching):
                    yield number, matching


def _rows_matching(head: Bytes, size: Ints, rows: Ints, hint: ByteHint) -> Ints:
    for at, byte in hint.marks:
        rows = rows[head[rows, at] == byte]
    rows = rows[(size[rows] >= hint.least) & (size[rows] <= hint.most)]
    if hint.length is not None:
        at, mask, more = hint.length
        length = head[rows, at].astype(np.int64) << 8 | head[rows, at + 1]
        rows = rows[(length & mask) + more == size[rows]]
    return rows
