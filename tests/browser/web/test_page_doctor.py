"""`respond --doctor --web`: a finding on each thing that the page needs."""

from __future__ import annotations

import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from talkpath.browser import turn_relay
from talkpath.browser.certificate.stored_certificate import Domain
from talkpath.browser.web.page_doctor import examine_page
from talkpath.browser.web.page_server import PageServerSettings
from talkpath.responder.doctor import Finding


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as end:
        end.bind(("127.0.0.1", 0))
        return int(end.getsockname()[1])


def found(**more: object) -> dict[str, Finding]:
    """The page's findings by the first word or two of what each is about."""
    settings = PageServerSettings(free_port(), free_port(socket.SOCK_DGRAM), "127.0.0.1", **more)  # type: ignore[arg-type]
    return {finding.what.partition(" (")[2].rstrip(")") or finding.what: finding for finding in examine_page(settings)}


def test_free_ports_and_no_certificate() -> None:
    findings = found()
    assert findings["the page"].ok
    assert findings["calls from browsers"].ok
    assert not findings["certificate"].ok
    assert "comes by http" in findings["certificate"].sentence


def test_ports_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as page, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as calls:
        calls.bind(("127.0.0.1", 0))
        settings = PageServerSettings(page.getsockname()[1], calls.getsockname()[1], "127.0.0.1")
        first, second, *_ = examine_page(settings)
    assert (first.ok, second.ok) == (False, False)
    assert "in use" in first.sentence
    assert "in use" in second.sentence


def test_coturn_that_is_missing_or_left_without_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn_relay, "TURN_PROGRAM", "no-such-program")
    assert "apt-get install coturn" in found()["other paths, by TURN"].sentence
    monkeypatch.setattr(turn_relay, "TURN_PROGRAM", "sh")
    assert "port 3478 or 443: the responder has it" in found(taken=(3478, 443))["other paths, by TURN"].sentence


@pytest.mark.parametrize(
    ("name", "ok", "said"),
    [
        ("127.0.0.1", True, ""),
        ("localhost", True, ""),
        ("192.0.2.1", False, "another machine or to a router"),
        ("no-such-name.invalid", False, "leads to no address"),
    ],
)
def test_the_name_must_lead_to_an_address_of_this_machine(tmp_path: Path, name: str, ok: bool, said: str) -> None:
    findings = found(domain=Domain(name, str(tmp_path), "127.0.0.1", port=free_port()))
    assert findings[f"name {name}"].ok == ok
    assert said in findings[f"name {name}"].sentence
    assert findings["asked by the certificate's authority"].ok
    assert findings["certificate"] == Finding("certificate", True, "It is ordered when the server starts.")


@pytest.mark.parametrize(("days", "said"), [(2, "is good until"), (-1, "ended on")])
def test_a_certificate_of_ones_own(tmp_path: Path, days: int, said: str) -> None:
    key, name = ed25519.Ed25519PrivateKey.generate(), x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1)
    end = datetime.now(UTC) + timedelta(days=days)
    chain = builder.not_valid_before(end - timedelta(days=9)).not_valid_after(end).sign(key, None)
    file = tmp_path / "chain.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(chain.public_bytes(Encoding.PEM) + private)
    finding = found(certificate=(str(file), str(file)))["certificate"]
    assert said in finding.sentence
    assert finding.ok == (days > 0)


def test_certificate_files_that_do_not_belong_together(tmp_path: Path) -> None:
    (tmp_path / "chain.pem").write_text("none")
    finding = found(certificate=(str(tmp_path / "chain.pem"), str(tmp_path / "none.pem")))["certificate"]
    assert not finding.ok
    assert "cannot be read" in finding.sentence


def test_the_command_prints_them(tmp_path: Path) -> None:
    arguments = ["respond", "--doctor", "--host", "127.0.0.1", "--port", str(free_port()), "--domain", "127.0.0.1"]
    arguments += ["--web", str(free_port())]
    command = [sys.executable, "-m", "talkpath", *arguments, "--key-file", str(tmp_path / "key.pem")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert "(the page)" in done.stdout
    assert "ok  name 127.0.0.1  It leads to an address of this network alone" in done.stdout
