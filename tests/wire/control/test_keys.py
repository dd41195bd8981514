"""A responder's certificate: its fields tell a scan nothing of talkpath."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509

from talkpath.wire.control.keys import new_identity_pem


def test_a_scan_reads_in_the_certificate_what_openssl_writes(tmp_path: Path):
    """All but the key and the number: subject, length of validity, extensions and their order."""
    theirs = tmp_path / "theirs.pem"
    command = "openssl req -x509 -newkey ed25519 -nodes -days 365 -subj /CN=localhost -keyout /dev/null -out"
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl: apt install openssl")
    subprocess.run([*command.split(), str(theirs)], check=True, capture_output=True)
    ours, other = (x509.load_pem_x509_certificate(pem) for pem in (new_identity_pem(), theirs.read_bytes()))

    def fields(one: x509.Certificate) -> tuple[object, ...]:
        length = one.not_valid_after_utc - one.not_valid_before_utc
        return one.subject, one.issuer, length, [(each.oid, each.critical) for each in one.extensions]

    assert fields(ours) == fields(other)
