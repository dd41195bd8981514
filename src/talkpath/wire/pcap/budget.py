"""Limits the memory of reassembly: one budget for IP fragments, one for TCP."""

from __future__ import annotations

HELD_BYTES = 16 << 20
PIECE_BYTES = 200
"""The memory that a piece needs besides its own bytes."""


class ReassemblyBudget:
    """Counts the bytes that wait for reassembly; code that finds it exceeded drops what waits, and counts it by
    name."""

    def __init__(self, limit: int = HELD_BYTES) -> None:
        self.limit, self.held = limit, 0

    def take(self, size: int) -> None:
        """Count one more piece of that size."""
        self.held += size + PIECE_BYTES

    def give_back(self, size: int, pieces: int = 1) -> None:
        """Subtract so many pieces, which had that size together."""
        self.held -= size + pieces * PIECE_BYTES

    @property
    def exceeded(self) -> bool:
        """Whether more is held than allowed."""
        return self.held > self.limit
