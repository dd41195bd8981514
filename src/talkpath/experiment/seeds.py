"""Derives everything random from seeds that neither end can choose alone.

The probe commits to its seed by a hash, the responder answers with its own, the probe reveals (spec/tp-005). The
session key is a hash of both. Derivations are BLAKE2b and SHAKE-128, the same on any machine and Python.
"""

from __future__ import annotations

import hashlib
from random import Random

import numpy as np
from numpy.typing import NDArray

SEED_PART_BYTES = 32


def seed_commitment(seed: bytes) -> bytes:
    """Return the hash by which the probe commits to its seed before it knows the responder's."""
    return hashlib.sha256(b"talkpath seed" + seed).digest()


def session_key(probe_seed: bytes, responder_seed: bytes) -> bytes:
    """Derive the 32-byte session key from both seeds."""
    return hashlib.blake2b(probe_seed + responder_seed, digest_size=32, person=b"tp session").digest()


def derive_bytes(key: bytes, *labels: str | int) -> bytes:
    """Derive 32 bytes for one purpose."""
    text = "\0".join(map(str, labels)).encode()
    return hashlib.blake2b(text, key=key, digest_size=32, person=b"tp derive").digest()


def seeded_generator(key: bytes, *labels: str | int) -> Random:
    """Return a seeded generator for one purpose."""
    return Random(int.from_bytes(derive_bytes(key, *labels), "big"))


def random_orders(key: bytes, rows: int, count: int) -> NDArray[np.intp]:
    """Return random orders (rows, count) of `count` things: each row sorts by its own 32-bit draws of one keystream."""
    draws = np.frombuffer(hashlib.shake_128(key).digest(4 * rows * count), "<u4").reshape(rows, count)
    return draws.argsort(axis=1, kind="stable")


def random_order(key: bytes, count: int) -> list[int]:
    """Return a single random order."""
    drawn: list[int] = random_orders(key, 1, count)[0].tolist()
    return drawn
