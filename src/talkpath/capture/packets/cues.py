"""Finds the cues of app files in blocks of datagrams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from talkpath.apps.contract.cue import Cue
from talkpath.wire.pcap.arrays import Bools, Bytes, Ints


class CueTable:
    """Cues by the offset of their first mark, so that each cue is compared with few datagrams."""

    def __init__(self, cues: Iterable[Cue]) -> None:
        self.cues = tuple(cues)
        self._at: dict[int, tuple[Bools, list[int]]] = {}
        for number, cue in enumerate(self.cues):
            at, byte = cue.marks[0]
            first, numbers = self._at.setdefault(at, (np.zeros(256, np.bool_), []))
            first[byte] = True
            numbers.append(number)

    def find(self, head: Bytes, size: Ints, rows: Ints) -> Iterator[tuple[int, Ints]]:
        """Yield (number of the cue, the rows that it matches) for each cue that matches any."""
        for at, (first, numbers) in self._at.items():
            near = rows[first[head[rows, at]]]
            for number in numbers if len(near) else ():
                matching = _rows_matching(head, size, near, self.cues[number])
                if len(matching):
                    yield number, matching


def _rows_matching(head: Bytes, size: Ints, rows: Ints, cue: Cue) -> Ints:
    for at, byte in cue.marks:
        rows = rows[head[rows, at] == byte]
    rows = rows[(size[rows] >= cue.least) & (size[rows] <= cue.most)]
    if cue.length is not None:
        at, mask, more = cue.length
        length = head[rows, at].astype(np.int64) << 8 | head[rows, at + 1]
        rows = rows[(length & mask) + more == size[rows]]
    return rows
