"""What an ACME account signs: flattened JWS by ES256 (RFC 7515, RFC 7518 section 3.4, RFC 8555 section 6.2)."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

COORDINATE_BYTES = 32  # of P-256


def plain(data: bytes) -> str:
    """base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def public(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    """The public key as a JWK (RFC 7518 section 6.2.1)."""
    point = key.public_key().public_numbers()
    x, y = (plain(number.to_bytes(COORDINATE_BYTES, "big")) for number in (point.x, point.y))
    return {"crv": "P-256", "kty": "EC", "x": x, "y": y}


def thumbprint(key: ec.EllipticCurvePrivateKey) -> str:
    """What a key authorization ends with (RFC 7638 section 3)."""
    return plain(hashlib.sha256(_json(dict(sorted(public(key).items())))).digest())


def signed(key: ec.EllipticCurvePrivateKey, header: dict[str, Any], payload: dict[str, Any] | None) -> bytes:
    """The request's body. `payload` None: POST-as-GET (RFC 8555 section 6.3)."""
    protected = plain(_json({"alg": "ES256", **header}))
    content = "" if payload is None else plain(_json(payload))
    pair = decode_dss_signature(key.sign(f"{protected}.{content}".encode(), ec.ECDSA(hashes.SHA256())))
    signature = b"".join(number.to_bytes(COORDINATE_BYTES, "big") for number in pair)
    return _json({"protected": protected, "payload": content, "signature": plain(signature)})


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
