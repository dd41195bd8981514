"""Pseudonyms for addresses and secrets: the same for the same input within one run, and not kept after it."""

from __future__ import annotations

import hashlib
import secrets
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import numpy as np

from talkpath.capture.calls.app_naming import networks
from talkpath.capture.packets.flows import is_private

OUTSIDE4, INSIDE4, GROUP4 = (ip_network(text) for text in ("198.18.0.0/15", "10.0.0.0/8", "239.255.0.0/16"))
OUTSIDE6, INSIDE6, GROUP6 = (ip_network(text) for text in ("2001:db8::/32", "fd00::/8", "ff08::/16"))
"""Networks of made-up addresses: test networks (RFC 2544, 3849), private and multicast ones. An address stays in its
kind."""


class Pseudonyms:
    """Maps addresses to successive made-up ones from a random start, and bytes to hashes with a key that is not
    kept."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._addresses: dict[bytes, bytes] = {}
        self._used: dict[IPv4Network | IPv6Network, int] = {}

    def address(self, packed: bytes) -> bytes:
        """Return the made-up address for a real one of 4 or 16 bytes."""
        if packed not in self._addresses:
            network = _like(packed)
            number = self._used.get(network, secrets.randbelow(network.num_addresses))
            self._used[network] = number + 1
            made = int(network.network_address) + number % network.num_addresses
            self._addresses[packed] = made.to_bytes(len(packed), "big")
        return self._addresses[packed]

    def bytes(self, secret: bytes) -> bytes:
        """Return bytes that are the same for the same secret, as many as it has (at most 64)."""
        return hashlib.blake2b(secret, key=self._key, digest_size=64).digest()[: len(secret)]


def _like(packed: bytes) -> IPv4Network | IPv6Network:
    """Return the network that a made-up address is taken from: an app's own where the real address lies in it."""
    host = ip_address(packed)
    for known in networks().values():
        for network in known:
            if host in network:
                return network
    short = len(packed) == 4
    if host.is_multicast or packed == b"\xff" * 4:
        return GROUP4 if short else GROUP6
    words = (0, 0xFFFF << 32 | int(host)) if short else (int(host) >> 64, int(host) & 0xFFFFFFFFFFFFFFFF)
    high, low = (np.array([word], np.uint64) for word in words)
    if is_private(high, low)[0]:
        return INSIDE4 if short else INSIDE6
    return OUTSIDE4 if short else OUTSIDE6
