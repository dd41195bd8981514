"""The certificate of one name on disk: asked for where there is none, and again before it ends.

Contract: `current(domain)` gives the file of a chain and its key (PEM, both in one, so that they are never of two
minds) and talks to the authority only where that is due. The account's key lies beside it.
"""

from __future__ import annotations

import os
import re
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from msgspec import Struct

from talkpath.browser.acme.answer import answering
from talkpath.browser.acme.client import LETS_ENCRYPT, Client
from talkpath.errors import UsageError

CHALLENGE_PORT = 80  # the authority knows no other (RFC 8555 section 8.3)
LEFT = 1 / 3  # of its time: less, and it is renewed, as authorities advise
NAME = re.compile(r"(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])")


class Domain(Struct, frozen=True):
    """Whose certificate, from whom. `host`: where the challenge is answered; `folder`: where all is kept."""

    name: str
    folder: str
    host: str
    directory: str = LETS_ENCRYPT
    port: int = CHALLENGE_PORT

    @property
    def file(self) -> Path:
        """The chain and its key."""
        return Path(self.folder, f"{self.name}.pem")


def checked(name: str) -> str:
    """The name in small letters. `UsageError` where no authority could vouch for it."""
    name = name.lower().rstrip(".")
    if not NAME.fullmatch(name):
        raise UsageError("--domain takes a host name, as my.host.name; names beyond a to z in their xn-- form.")
    return name


def is_due(domain: Domain, now: datetime, left: float = LEFT) -> bool:
    """Is there no certificate for the name, or less than `left` of its time to come?"""
    try:
        found = x509.load_pem_x509_certificate(domain.file.read_bytes())
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return True
    begin, end = found.not_valid_before_utc, found.not_valid_after_utc
    return domain.name not in names.get_values_for_type(x509.DNSName) or end - now < left * (end - begin)


def renewed(domain: Domain) -> bool:
    """Ask for one where that is due. Whether it was. `PeerError`, `UsageError` where it cannot be had."""
    if not is_due(domain, datetime.now(UTC)):
        return False
    account = _account(Path(domain.folder, "account.pem"))
    key = ec.generate_private_key(ec.SECP256R1())
    request = (
        x509.CertificateSigningRequestBuilder(x509.Name([]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(domain.name)]), critical=False)
        .sign(key, hashes.SHA256())
    )

    def answered(token: str, authorization: str) -> AbstractContextManager[None]:
        return answering(domain.host, domain.port, token, authorization)

    chain = Client(domain.directory, account).certificate(domain.name, request.public_bytes(Encoding.DER), answered)
    _write(domain.file, chain.rstrip() + b"\n" + _pem(key))
    return True


def _account(file: Path) -> ec.EllipticCurvePrivateKey:
    """The account's key; made where there is none."""
    try:
        key = load_pem_private_key(file.read_bytes(), None)
    except FileNotFoundError:
        key = ec.generate_private_key(ec.SECP256R1())
        _write(file, _pem(key))
    except (OSError, ValueError):
        raise UsageError("The key of the account for certificates cannot be read; delete it.") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise UsageError("The key of the account for certificates is of another kind; delete it.")
    return key


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(file: Path, data: bytes) -> None:
    """All of it or nothing, for this user alone."""
    new = file.with_suffix(".new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(data)
        new.replace(file)
    except OSError:
        raise UsageError("The folder for certificates cannot be written; set XDG_STATE_HOME to another.") from None
