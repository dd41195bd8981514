"""Stores the certificate of one name or address on disk, and orders a new one when that is due.

Contract: chain and key are in one file (PEM), so that they always belong together; the account's key is beside it. All
are readable by this user alone. The authority is contacted only when a certificate is missing or has less than LEFT of
its lifetime to go.

Renews the page's certificate while the server runs, and reloads it when its files change.

So neither a renewal of our own nor one by certbot needs a restart: new connections get the new certificate.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
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

from talkpath.browser.certificate.authority import serving_challenge
from talkpath.errors import FileError, TalkpathError, UsageError, in_place_of
from talkpath.serving.private_files import make_folder, replace_file

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
CHALLENGE_PORT = 80  # the only one that an authority asks (RFC 8555 section 8.3)
LEFT = 1 / 3  # the part of the lifetime at which authorities advise to renew
DOMAIN_NAME = re.compile(r"(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])")


class Domain(Struct, frozen=True):
    """The host name or address that a certificate is for, and the authority that issues it.

    `folder` holds the files; the challenge is answered at `host` and `port`; `directory` is the authority's URL.
    """

    name: str
    folder: str
    host: str
    directory: str = LETS_ENCRYPT
    port: int = CHALLENGE_PORT

    @property
    def file(self) -> Path:
        """The file with the chain and its key."""
        return Path(self.folder, f"{self.name.replace(':', '_')}.pem")

    @property
    def subject(self) -> x509.GeneralName:
        """The name or address, as a certificate has it."""
        address = as_address(self.name)
        return x509.IPAddress(address) if address else x509.DNSName(self.name)


def as_address(name: str) -> IPv4Address | IPv6Address | None:
    """The address that the text is; None for a name."""
    with suppress(ValueError):
        return ip_address(name)
    return None


def checked_name(name: str) -> str:
    """Return a name in lower case, or an address in its usual form. `UsageError` if it is neither."""
    if address := as_address(name):
        return str(address)
    name = name.lower().rstrip(".")
    if not DOMAIN_NAME.fullmatch(name):
        raise UsageError(
            "--domain takes a host name, as my.host.name, or an address; names beyond a to z in their xn-- form."
        )
    return name


def is_due(domain: Domain, now: datetime, left: float = LEFT) -> bool:
    """Whether the certificate is missing, is for another name, or has less than `left` of its lifetime to go."""
    try:
        stored = x509.load_pem_x509_certificate(domain.file.read_bytes())
        names = stored.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return True
    begin, end = stored.not_valid_before_utc, stored.not_valid_after_utc
    return domain.subject not in names or end - now < left * (end - begin)


def renew_certificate(domain: Domain) -> bool:
    """Order a certificate if that is due, and tell whether it was. A `TalkpathError` if it fails."""
    if not is_due(domain, datetime.now(UTC)):
        return False
    from talkpath.browser.certificate.authority import issue_certificate  # needs the package acme

    account = _account_key(Path(domain.folder, "account.pem"))
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateSigningRequestBuilder(x509.Name([])).add_extension(
        x509.SubjectAlternativeName([domain.subject]), critical=False
    )

    def serve(token: str, authorization: str) -> AbstractContextManager[None]:
        return serving_challenge(domain.host, domain.port, token, authorization)

    chain = issue_certificate(domain.directory, account, builder.sign(key, hashes.SHA256()), serve)
    _replace_file(domain.file, chain.rstrip() + b"\n" + _key_pem(key))
    return True


def _account_key(file: Path) -> ec.EllipticCurvePrivateKey:
    """The account's key, which is made at the first use."""
    try:
        key = load_pem_private_key(file.read_bytes(), None)
    except FileNotFoundError:
        key = ec.generate_private_key(ec.SECP256R1())
        _replace_file(file, _key_pem(key))
    except (OSError, ValueError):
        raise FileError("The key of the account for certificates cannot be read; delete it.") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise FileError("The key of the account for certificates is of another kind; delete it.")
    return key


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _replace_file(file: Path, data: bytes) -> None:
    """Replace the file as a whole, readable by this user alone."""
    with in_place_of(
        OSError, FileError("The folder for certificates cannot be written; set XDG_STATE_HOME to another.")
    ):
        make_folder(file.parent)
        replace_file(file, data)


CHECK_S = 3600.0  # an authority refuses those who fail more than a few times an hour

Files = tuple[str, str]


def obtain_certificate(domain: Domain) -> tuple[Files, str]:
    """Return the files of chain and key, and a sentence if a renewal failed. The error of `renew_certificate` if no
    valid certificate is there at all."""
    trouble = ""
    try:
        renew_certificate(domain)
    except TalkpathError as error:
        if is_due(domain, datetime.now(UTC), left=0.0):
            raise
        trouble = str(error)
    return (str(domain.file), str(domain.file)), trouble


def try_renewal(domain: Domain) -> str:
    """Renew the certificate if that is due; return a sentence if it failed."""
    try:
        renew_certificate(domain)
    except TalkpathError as error:
        return str(error)
    return ""


async def follow_certificate(files: Files, domain: Domain | None, reload: Callable[[], None], check_s: float) -> None:
    """Renew for ever, and call `reload` whenever the files changed and belong together."""
    known = _files_stamp(files)
    while True:
        await asyncio.sleep(check_s)
        if domain is not None and (trouble := await asyncio.to_thread(try_renewal, domain)):
            sys.stderr.write(f"talkpath: {trouble}\n")
        if (now := _files_stamp(files)) == known:
            continue
        known = now
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*files)
        except OSError:  # of ssl, too
            sys.stderr.write("talkpath: The page's new certificate and its key do not belong together; the old stay.\n")
        else:
            reload()


def _files_stamp(files: Files) -> list[tuple[int, int]]:
    """A value that changes whenever one of the files does."""
    return [(stat.st_mtime_ns, stat.st_ino) for file in files if Path(file).exists() for stat in [Path(file).stat()]]
