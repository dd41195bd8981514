"""Pseudonyms for addresses and secrets: the same for the same input within one run, and not kept after it."""

from __future__ import annotations

import hashlib
import secrets
from functools import cache
from ipaddress import ip_network

from talkpath.capture.calls.app_naming import networks_by_app
from talkpath.capture.packets.flows import PRIVATE_NETWORKS

AddressRange = tuple[int, int]
"""The first address of a network as a number, and how many it has."""


def _address_range(network: str) -> AddressRange:
    parsed = ip_network(network)
    return int(parsed.network_address), parsed.num_addresses


OUTSIDE4, INSIDE4, GROUP4 = (
    _address_range("198.18.0.0/15"),
    _address_range("10.0.0.0/8"),
    _address_range("239.255.0.0/16"),
)
OUTSIDE6, INSIDE6, GROUP6 = _address_range("2001:db8::/32"), _address_range("fd00::/8"), _address_range("ff08::/16")
"""Networks of made-up addresses: test networks (RFC 2544, 3849), private and multicast ones. An address stays in its
kind."""

MOST_ADDRESSES = 1 << 18
"""So many addresses get a made-up one of their own; those of a flood beyond get a hash, which two may share."""


class Pseudonyms:
    """Maps addresses to successive made-up ones from a random start, and bytes to hashes with a key that is not
    kept."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._addresses: dict[bytes, bytes] = {}
        self._next: dict[int, int] = {}

    def address(self, packed: bytes) -> bytes:
        """Return the made-up address for a real one of 4 or 16 bytes."""
        made = self._addresses.get(packed)
        if made is None and len(self._addresses) >= MOST_ADDRESSES:
            first, count = _kind_of(packed)
            made = (first + int.from_bytes(self.bytes(packed), "big") % count).to_bytes(len(packed), "big")
        elif made is None:
            first, count = _range_like(packed)
            if first not in self._next:
                self._next[first] = secrets.randbelow(count)
            made = self._addresses[packed] = (first + self._next[first] % count).to_bytes(len(packed), "big")
            self._next[first] += 1
        return made

    def bytes(self, secret: bytes) -> bytes:
        """Return bytes that are the same for the same secret, as many as it has (at most 64)."""
        return hashlib.blake2b(secret, key=self._key, digest_size=64).digest()[: len(secret)]


@cache
def _app_ranges() -> tuple[tuple[int, AddressRange], ...]:
    """Return (bytes of an address, range) of all networks that app files list."""
    listed = [network for known in networks_by_app().values() for network in known]
    return tuple((4 if one.version == 4 else 16, (int(one.network_address), one.num_addresses)) for one in listed)


def _range_like(packed: bytes) -> AddressRange:
    """Return the network that a made-up address is taken from: an app's own where the real address lies in it."""
    length, number = len(packed), int.from_bytes(packed, "big")
    for size, (first, count) in _app_ranges():
        if size == length and first <= number < first + count:
            return first, count
    return _kind_of(packed)


def _kind_of(packed: bytes) -> AddressRange:
    """Return the network of made-up addresses of the same kind."""
    short, number = len(packed) == 4, int.from_bytes(packed, "big")
    if (224 <= packed[0] < 240 if short else packed[0] == 0xFF) or packed == b"\xff" * 4:
        return GROUP4 if short else GROUP6
    inside, outside = (INSIDE4, OUTSIDE4) if short else (INSIDE6, OUTSIDE6)
    return inside if _is_private(number, short) else outside


def _is_private(number: int, short: bool) -> bool:
    """As `flows.is_private`, for one address."""
    return bool(PRIVATE_NETWORKS[number >> 16]) if short else number >> 121 == 0x7E or number >> 118 == 0x3FA
