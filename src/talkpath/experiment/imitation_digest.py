"""Computes a digest of each arm's imitation, so that two ends of different versions notice before the first packet."""

from __future__ import annotations

import hashlib
from functools import cache

from talkpath.apps import shapes
from talkpath.apps.contract.shape import Arm
from talkpath.experiment.seeds import seeded_generator

_KEY = bytes(32)


@cache
def shape_digest(arm: Arm) -> bytes:
    """Return 8 bytes over one schedule and its datagrams from a fixed seed."""
    shape = shapes()[arm]
    schedule = shape.schedule(seeded_generator(_KEY, "digest"), 20)
    digest = hashlib.blake2b(repr(schedule).encode(), digest_size=8)
    for datagram in shape.datagrams(schedule, _KEY):
        digest.update(datagram)
    return digest.digest()
