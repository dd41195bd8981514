"""Seeds that neither end can choose alone, and everything derived from them.

The probe commits to its seed by a hash, the responder answers with its own, the probe reveals (spec/tp-005).
The session key is a hash of both. Derivations are BLAKE2b and SHAKE-128, the same on any machine and Python.
"""

from __future__ import annotations

import hashlib
from random import Random

import numpy as np
from numpy.typing import NDArray

SEED_BYTES = 32


def commitment(seed: bytes) -> bytes:
    """What the probe says before it knows the responder's seed."""
    return hashlib.sha256(b"talkpath seed" + seed).digest()


def session_key(probe_seed: bytes, responder_seed: bytes) -> bytes:
    """32 bytes from both seeds."""
    return hashlib.blake2b(probe_seed + responder_seed, digest_size=32, person=b"tp session").digest()


def derive(key: bytes, *labels: str | int) -> bytes:
    """32 bytes for one use."""
    text = "\0".join(str(label) for label in labels).encode()
    return hashlib.blake2b(text, key=key, digest_size=32, person=b"tp derive").digest()


def generator(key: bytes, *labels: str | int) -> Random:
    """A seeded generator for one use."""
    return Random(int.from_bytes(derive(key, *labels), "big"))


def orders(key: bytes, rows: int, count: int) -> NDArray[np.intp]:
    """(rows, count): random orders of `count` things, each row sorts by its own 32-bit draws of one keystream."""
    draws = np.frombuffer(hashlib.shake_128(key).digest(4 * rows * count), "<u4").reshape(rows, count)
    return draws.argsort(axis=1, kind="stable")


def one_order(key: bytes, count: int) -> list[int]:
    """A single one."""
    drawn: list[int] = orders(key, 1, count)[0].tolist()
    return drawn
