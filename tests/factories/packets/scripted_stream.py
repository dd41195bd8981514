"""Streams for tests: given bytes, in pieces, on a clock of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass
class ScriptedStream:
    """Gives each piece at its time (seconds of `clock`); pieces are whole or cut anywhere."""

    pieces: Iterable[tuple[float, bytes]]
    is_live: bool = True
    now_s: float = 0.0
    _waiting: tuple[float, bytes] | None = None

    def __post_init__(self) -> None:
        self._pieces = iter(self.pieces)

    def clock(self) -> float:
        return self.now_s

    def read(self, wait_s: float) -> bytes | None:
        self._waiting = self._waiting or next(self._pieces, None)
        if self._waiting is None:
            return b""
        at_s, data = self._waiting
        if at_s > self.now_s + wait_s:
            self.now_s += max(wait_s, 1e-3)
            return None
        self.now_s, self._waiting = max(self.now_s, at_s), None
        return data

    def plain(self, data: bytes) -> bytes:
        return data

    def close(self) -> None:
        pass


def cut_pieces(data: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]
