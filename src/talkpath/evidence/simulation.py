"""The lab's keys. Everybody has them: what they sign proves nothing of any real network, and `verify` says so."""

from __future__ import annotations

import hashlib
from functools import cache

from talkpath.wire.control.keys import raw_key_text
from talkpath.wire.control.sign import Signer


def probe_signer() -> Signer:
    """Signs what the lab's probes measured."""
    return Signer.of_seed(hashlib.sha256(b"talkpath simulation: probe").digest())


def responder_signer() -> Signer:
    """Signs the receipts of responders in virtual time."""
    return Signer.of_seed(hashlib.sha256(b"talkpath simulation: responder").digest())


def is_simulation_key(key: str) -> bool:
    """Is it one of them?"""
    return key in _keys()


@cache
def _keys() -> frozenset[str]:
    """To make a public key takes as long as to verify a signature, and an observatory asks for every bundle."""
    return frozenset(raw_key_text(signer.public) for signer in (probe_signer(), responder_signer()))
