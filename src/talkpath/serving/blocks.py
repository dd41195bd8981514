"""Address blocks: what limits count by. One /24 of IPv4 or one /48 of IPv6 is as a rule one household or office."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from socket import AF_INET, AF_INET6, inet_pton

V4_BYTES, V6_BYTES = 3, 6  # of a block
MAPPED_PREFIX = bytes(10) + b"\xff\xff"  # IPv4 in IPv6, RFC 4291 section 2.5.5.2


def block_of(host: str) -> bytes:
    """The block of an address literal, as the bytes of its first address; ValueError for what is no address."""
    try:
        packed = inet_pton(AF_INET6 if ":" in host else AF_INET, host.partition("%")[0])
    except OSError:
        raise ValueError("no address") from None
    packed = packed.removeprefix(MAPPED_PREFIX)
    kept = V6_BYTES if len(packed) > len(MAPPED_PREFIX) else V4_BYTES
    return packed[:kept] + bytes(len(packed) - kept)


class BlockPlaces:
    """Places that are taken and given back: so many in all, and so many for one block. Whoever has no address (a Unix
    socket) shares the block of all others without one."""

    def __init__(self, most: int, most_a_block: int) -> None:
        self._most, self._most_a_block = most, most_a_block
        self._taken: Counter[bytes] = Counter()

    def take(self, host: str | None) -> bool:
        """Take a place for that address; false where there is none."""
        block = host_block(host)
        if self._taken.total() >= self._most or self._taken[block] >= self._most_a_block:
            return False
        self._taken[block] += 1
        return True

    def taken(self, host: str | None) -> tuple[int, int]:
        """How many places the block of that address has, and all blocks together."""
        return self._taken[host_block(host)], self._taken.total()

    def give_back(self, host: str | None) -> None:
        """A place that was taken for that address is free again."""
        block = host_block(host)
        self._taken[block] -= 1
        if self._taken[block] <= 0:
            del self._taken[block]


def host_block(host: str | None) -> bytes:
    """The block of an address; that of all who have none where it is no address."""
    with suppress(ValueError):
        return block_of(host or "")
    return b""
