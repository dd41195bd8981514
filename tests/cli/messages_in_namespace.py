"""Run in a network and mount namespace of its own by test_messages.py: an app's server, and neutral ones.

What goes to the app's server is dropped where the first argument says so. All names are in a file of hosts.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from factories.networks.local_responder import FarEnd, small_plan
from talkpath.lab.drivers.namespace import system_tool

HOSTS = {"web.example": "127.0.2.1", "neutral.example": "127.0.2.2", "other.example": "127.0.2.3"}
RULES = "table inet restrictor {\nchain arriving {\ntype filter hook input priority 0;\nip daddr 127.0.2.1 drop\n}\n}\n"
QUICK = (
    "from talkpath.probe import endpoint_driver, endpoint_engine; endpoint_engine.PAUSE_S = 0.1; "
    "endpoint_driver.STREAM_S = endpoint_driver.DATAGRAM_S = 0.7; from talkpath.cli import main; main()"
)
ROW = """
[[endpoint]]
id = "{id}"
app = "{app}"
kind = "{kind}"
host = "{host}"
port = 443
tier = 1
source = "this test"
date = 2026-11-01
confidence = "high"
"""


def run(command: list[str], text: str | None = None) -> None:
    subprocess.run(command, input=text, text=True, check=True)


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for all the names that signs itself, and a server's context with it."""
    key, name, now = ec.generate_private_key(ec.SECP256R1()), x509.Name([]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, both = folder / "ca.pem", folder / "web.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    both.write_bytes(public.read_bytes() + key.private_bytes(*private))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return public, context


def serve(address: str, context: ssl.SSLContext) -> None:
    """A TLS server that greets and hangs up."""
    listener = socket.create_server((address, 443), backlog=64)

    def greet(end: socket.socket) -> None:
        try:
            with context.wrap_socket(end, server_side=True) as wrapped:
                wrapped.recv(1)
        except OSError:
            end.close()

    def accept() -> None:
        while True:
            end, _ = listener.accept()
            threading.Thread(target=greet, args=(end,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def main(dropped: str, folder: Path) -> None:
    run([str(system_tool("ip")), "link", "set", "lo", "up"])
    (folder / "hosts").write_text("".join(f"{address} {name}\n" for name, address in HOSTS.items()))
    run([str(system_tool("mount")), "--bind", str(folder / "hosts"), "/etc/hosts"])
    authority, context = certificate(folder)
    for address in HOSTS.values():
        serve(address, context)
    if dropped == "dropped":
        run([str(system_tool("nft")), "-f", "-"], RULES)
    apps = {"web.example": "webrtc"}
    rows = [ROW.format(id=name, app=apps.get(name, ""), kind="tls", host=name) for name in HOSTS]
    rows.append(ROW.format(id="resolver", app="", kind="resolver", host="127.0.2.9"))
    (folder / "catalogue.toml").write_text("".join(rows))
    with FarEnd(folder) as far:
        options = ["--messages", "--yes", "--catalogue", str(folder / "catalogue.toml"), "--gap", "0.2"]
        plan = small_plan(folder, budget_s=4.0, budget_bytes=500_000)
        argv = ["check", far.link, "--json", "-o", str(folder / "run.talkpath"), *options, *plan]
        environment = {**os.environ, "SSL_CERT_FILE": str(authority)}
        command = [sys.executable, "-c", QUICK, *argv]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    sys.stdout.write(json.dumps({"code": done.returncode, "out": done.stdout, "errors": done.stderr}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
