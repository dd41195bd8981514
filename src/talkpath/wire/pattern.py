"""Packet patterns: bytes that are constant, and a mask of the bits that are random."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PacketPattern:
    """A packet with random fields. `fixed` and `mask` have the same length; a bit set in `mask` is random and clear in
    `fixed`."""

    fixed: bytes
    mask: bytes

    def __len__(self) -> int:
        return len(self.fixed)

    def __add__(self, other: PacketPattern) -> PacketPattern:
        return PacketPattern(self.fixed + other.fixed, self.mask + other.mask)

    def fill(self, entropy: bytes) -> bytes:
        """Return the packet with its random bits taken from `entropy`, which is as long as the packet."""
        size = len(self.fixed)
        mask, fixed = int.from_bytes(self.mask, "big"), int.from_bytes(self.fixed, "big")
        return (int.from_bytes(entropy[:size], "big") & mask | fixed).to_bytes(size, "big")


def literal_pattern(data: bytes) -> PacketPattern:
    """Return a pattern of constant bytes."""
    return PacketPattern(data, bytes(len(data)))


def blank_pattern(size: int, *, first: int = 0, clear: int = 0) -> PacketPattern:
    """Return a pattern of `size` random bytes; in the first one the bits `first` are set and the bits `clear` are
    clear."""
    if not size:
        return literal_pattern(b"")
    loose = 0xFF & ~(first | clear)
    return PacketPattern(bytes([first]) + bytes(size - 1), bytes([loose]) + b"\xff" * (size - 1))


def join_patterns(*parts: PacketPattern | bytes) -> PacketPattern:
    """Concatenate patterns; bytes are constant."""
    patterns = [part if isinstance(part, PacketPattern) else literal_pattern(part) for part in parts]
    return PacketPattern(b"".join(p.fixed for p in patterns), b"".join(p.mask for p in patterns))
