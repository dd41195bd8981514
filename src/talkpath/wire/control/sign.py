"""Ed25519 signatures (RFC 8032), used for everything that talkpath signs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from talkpath.errors import WireError

KEY_BYTES, SIGNATURE_BYTES = 32, 64


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key. Its text shows nothing of it."""

    _key: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def fresh(cls) -> Signer:
        """Return a new random key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def of_seed(cls, seed: bytes) -> Signer:
        """Return the key of a 32-byte seed."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def of_pem(cls, pem: bytes) -> Signer:
        """Read the key in a file of `wire.control.keys.new_identity_pem`; `WireError` for another file."""
        try:
            key = load_pem_private_key(pem, None)
        except (ValueError, TypeError) as error:
            raise WireError("The key file holds no private key; delete it and a new one is made.") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise WireError("The key file holds no Ed25519 key; delete it and a new one is made.")
        return cls(key)

    @property
    def public(self) -> bytes:
        """Return the 32 bytes of the public key."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def derive(self, purpose: bytes) -> bytes:
        """Derive 32 secret bytes for one purpose (at most 16 bytes), which reveal nothing about the key."""
        return hashlib.blake2b(key=self._key.private_bytes_raw(), digest_size=32, person=purpose).digest()

    def sign(self, data: bytes) -> bytes:
        """Return the signature of `data`, 64 bytes."""
        return self._key.sign(data)


def is_signed(data: bytes, signature: bytes, public: bytes) -> bool:
    """Whether the owner of `public` signed exactly these bytes."""
    if len(public) != KEY_BYTES:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True
