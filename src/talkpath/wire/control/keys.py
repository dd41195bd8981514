"""The responder's key: Ed25519 (RFC 8032), as text in links, as a certificate on the control channel.

The certificate is self-signed, and what counts is that its public key is the one in the link. All else in it is what
`openssl req -x509 -days 365 -subj /CN=localhost` writes, so that its fields tell a scan nothing of talkpath.

Ed25519 signatures (RFC 8032), used for everything that talkpath signs.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from talkpath.errors import WireError


def new_identity_pem() -> bytes:
    """Return a new private key and its certificate, PEM."""
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    key_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=365))  # nobody looks: the key is known
        .add_extension(key_id, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_id), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, None)
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + certificate.public_bytes(Encoding.PEM)


def key_text(key: Ed25519PublicKey) -> str:
    """Return the key's text: 43 characters, base64url of the 32 bytes."""
    return raw_key_text(key.public_bytes(Encoding.Raw, PublicFormat.Raw))


def raw_key_text(raw: bytes) -> str:
    """Return the text of a key's 32 bytes, or of others: base64url without padding."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def raw_key(text: str, size: int = 32) -> bytes:
    """Return the bytes of a key's or a token's text, b"" if it is invalid, of another size or not in canonical form."""
    try:
        raw = base64.urlsafe_b64decode(text + "==")
    except ValueError:
        return b""
    return raw if len(raw) == size and raw_key_text(raw) == text else b""


def pem_key_text(pem: bytes) -> str:
    """Return the public key in a file of `new_identity_pem`; `WireError` for another file."""
    try:
        key = x509.load_pem_x509_certificate(pem).public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise WireError(
            "The key file holds no certificate; put a copy of it back, or delete it and a new one is made."
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise WireError(
            "The key file's certificate is of another kind; put a copy of it back, or delete it and a new one is made."
        )
    return key_text(key)


def certificate_key_text(der: bytes | None) -> str:
    """Return the public key of a peer's certificate, "" if there is none or it is of another kind."""
    if der is None:
        return ""
    try:
        key = x509.load_der_x509_certificate(der).public_key()
    except ValueError:
        return ""
    return key_text(key) if isinstance(key, Ed25519PublicKey) else ""


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
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise WireError(
                "The key file holds no private key; put a copy of it back, or delete it and a new one is made."
            ) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise WireError(
                "The key file holds no Ed25519 key; put a copy of it back, or delete it and a new one is made."
            )
        return cls(key)

    @classmethod
    def of_file(cls, file: Path) -> Signer:
        """Read the key in a file, which is made, for its owner alone, where there is none."""
        if not file.exists():
            file.touch(0o600, exist_ok=False)
            file.write_bytes(new_identity_pem())
        return cls.of_pem(file.read_bytes())

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
