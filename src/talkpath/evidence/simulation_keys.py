"""The lab's signing keys. Everybody can compute them, so that their signatures prove nothing, and `verify` says so."""

from __future__ import annotations

import hashlib
from functools import cache

from talkpath.wire.control.keys import Signer, raw_key_text


def probe_signer() -> Signer:
    """The key that signs the lab's bundles."""
    return Signer.of_seed(hashlib.sha256(b"talkpath simulation: probe").digest())


def responder_signer() -> Signer:
    """The key that signs the receipts of the lab's responders."""
    return Signer.of_seed(hashlib.sha256(b"talkpath simulation: responder").digest())


def is_simulation_key(key: str) -> bool:
    """Whether it is one of the lab's public keys."""
    return key in _simulation_keys()


@cache
def _simulation_keys() -> frozenset[str]:
    """Cached: making a public key takes as long as verifying a signature, and an observatory asks for every bundle."""
    return frozenset(raw_key_text(signer.public) for signer in (probe_signer(), responder_signer()))
