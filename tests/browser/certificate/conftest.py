"""Pebble, the ACME test server of Let's Encrypt, on loopback: it refuses good nonces, and shuffles what may be in any
order."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

HERE = "127.0.0.1"
VALID_S = 12  # of a certificate: long enough to see one end and be renewed
PATIENCE_S = 30.0
UNUSED = ("-defaultIPv6", "-http01", "-https01", "-tlsalpn01", "-doh")  # services of pebble-challtestsrv


def free() -> int:
    """A TCP port that nobody has."""
    with socket.create_server((HERE, 0)) as probe:
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Authority:
    """A started one: its directory, the port on which it asks for challenges, the PEM file that vouches for its own
    https, and the URL of the root of what it signs."""

    directory: str
    challenge_port: int
    trusted: Path
    root_url: str

    def root(self) -> str:
        """The root (PEM)."""
        context = ssl.create_default_context(cafile=str(self.trusted))
        with urlopen(self.root_url, context=context) as answer:
            return str(answer.read().decode())


def _own_certificate(folder: Path) -> tuple[Path, Path]:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "an authority")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / "own.pem", folder / "own.key"
    chain.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    return chain, private


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    """It vouches for any name that leads here, which all do."""
    if shutil.which("pebble") is None:
        pytest.skip("needs pebble: apt-get install pebble")
    folder = tmp_path_factory.mktemp("authority")
    chain, key = _own_certificate(folder)
    ports = {name: free() for name in ("acme", "roots", "challenge", "dns", "names")}
    settings = {
        "listenAddress": f"{HERE}:{ports['acme']}",
        "managementListenAddress": f"{HERE}:{ports['roots']}",
        "certificate": str(chain),
        "privateKey": str(key),
        "httpPort": ports["challenge"],
        "tlsPort": free(),
        "domainBlocklist": ["blocked-domain.example"],
        "certificateValidityPeriod": VALID_S,
        "retryAfter": {"authz": 1, "order": 1},
    }
    file = folder / "pebble.json"
    file.write_text(json.dumps({"pebble": settings}))
    dns, management = f"{HERE}:{ports['dns']}", f"{HERE}:{ports['names']}"
    off = [part for option in UNUSED for part in (option, "")]
    names = ["pebble-challtestsrv", "-defaultIPv4", HERE, *off, "-dns01", dns, "-management", management]
    with ExitStack() as running:
        for command in (names, ["pebble", "-strict", "-config", str(file), "-dnsserver", f"{HERE}:{ports['dns']}"]):
            process = subprocess.Popen(
                command,
                env=os.environ | {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "10"},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            running.callback(process.wait)
            running.callback(process.kill)
        for port in ("acme", "roots", "names"):
            _answers(ports[port])
        yield Authority(
            f"https://localhost:{ports['acme']}/dir",
            ports["challenge"],
            chain,
            f"https://localhost:{ports['roots']}/roots/0",
        )


def _answers(port: int) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        with suppress(OSError), socket.create_connection((HERE, port), 1.0):
            return
        time.sleep(0.05)
    raise TimeoutError("pebble never listened")
