"""Run in a network and mount namespace of its own by test_names_and_hellos.py: `talkpath endpoints` behind a forwarder.

The system's name server is 127.0.0.53, another is 127.0.0.54. At each host's address a forwarder listens at port 443,
which reads the first message of a TLS handshake and passes it to the host's server (port 4443), or not. The name
server, the forwarder and nftables are the restrictor; no rule of the lab is used.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from talkpath.lab.drivers.namespace import system_tool

SYSTEM, OTHER = "127.0.0.53", "127.0.0.54"
OWN = {"calls.app.example": "127.0.1.1", "web.app.example": "127.0.1.2"}
NEUTRAL = {"one.example": "127.0.1.3", "two.example": "127.0.1.4"}
FIRST_SUITE = 78
"""Where the first cipher suite of a ClientHello stands in its record, after 32 bytes of session id (RFC 8446 4.1.2)."""
HELD_BACK: dict[str, Callable[[bytes], bool]] = {
    "name": lambda hello: any(name.encode() in hello for name in OWN),
    "hello": lambda hello: hello[FIRST_SUITE] & 15 == 10,  # a reserved value, as browsers write first (RFC 8701)
}
DEAD: dict[str, tuple[str, ...]] = {"silent": tuple(OWN.values()), "one-silent": (OWN["web.app.example"],)}
"""Hosts whose forwarder accepts connections and never says a word, whatever it is asked for."""
DROPPED = f"""
table inet restrictor {{
    chain arriving {{
        type filter hook input priority 0;
        ip daddr {{ {", ".join(OWN.values())} }} drop
    }}
}}
"""
"""Nothing arrives at the app's hosts."""
QUICK = (
    "from talkpath.probe import endpoint_driver, endpoint_engine; "
    "endpoint_driver.STREAM_S, endpoint_engine.PAUSE_S = 2.0, 0.1; from talkpath.cli import main; main()"
)
ROW = """
[[endpoint]]
id = "{id}"
app = "{app}"
kind = "{kind}"
host = "{host}"
port = {port}
tier = 0
source = "this test"
date = 2026-11-30
confidence = "high"
"""


def answer_names(address: str, removed: bool) -> None:
    """A name server (RFC 1035): A records of all hosts; where `removed` there are no such names as the app's."""
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.bind((address, 53))

    def serve() -> None:
        while True:
            query, whom = end.recvfrom(512)
            question = query[12 : query.index(b"\0", 12) + 5]
            labels, name = question[:-5], []
            while labels:
                name.append(labels[1 : 1 + labels[0]].decode())
                labels = labels[1 + labels[0] :]
            where = (NEUTRAL if removed else NEUTRAL | OWN).get(".".join(name))
            is_a = question[-4:-2] == b"\0\1"
            record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(where) if where and is_a else b""
            flags = b"\x81\x80" if where else b"\x81\x83"
            end.sendto(query[:2] + flags + bytes((0, 1, 0, bool(record), 0, 0, 0, 0)) + question + record, whom)

    threading.Thread(target=serve, daemon=True).start()


def listen(address: str, port: int, serve: Callable[[socket.socket], None]) -> None:
    listener = socket.create_server((address, port), backlog=32)

    def accept() -> None:
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def forwarder(address: str, held: Callable[[bytes], bool]) -> Callable[[socket.socket], None]:
    """What passes a connection on, but for those whose ClientHello is held back: nothing ever comes of these."""

    def serve(near: socket.socket) -> None:
        hello = near.recv(65536)
        with socket.create_connection((address, 4443)) as far:
            if held(hello):
                near.recv(1)  # until the client gives up
                return
            far.sendall(hello)
            back = threading.Thread(target=copy, args=(far, near), daemon=True)
            back.start()
            copy(near, far)
            back.join()

    return serve


def copy(one: socket.socket, other: socket.socket) -> None:
    try:
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        return


def certificate(folder: Path) -> ssl.SSLContext:
    """A certificate for all names that signs itself, in ca.pem, and a server's context with it."""
    key, name, now = ec.generate_private_key(ec.SECP256R1()), x509.Name([]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in OWN | NEUTRAL]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = made.public_bytes(serialization.Encoding.PEM)
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "ca.pem").write_bytes(public)
    (folder / "both.pem").write_bytes(public + key.private_bytes(*private))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context


def tls_server(context: ssl.SSLContext) -> Callable[[socket.socket], None]:
    def serve(end: socket.socket) -> None:
        try:
            context.wrap_socket(end, server_side=True).close()
        except OSError:
            end.close()

    return serve


def main(case: str, tier: str, folder: Path) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    (folder / "resolv.conf").write_text(f"nameserver {SYSTEM}\noptions timeout:1 attempts:1\n")
    subprocess.run(["mount", "--bind", str(folder / "resolv.conf"), "/etc/resolv.conf"], check=True)
    answer_names(SYSTEM, case == "dns")
    answer_names(OTHER, False)
    if case == "dropped":
        subprocess.run([str(system_tool("nft")), "-f", "-"], input=DROPPED, text=True, check=True)
    server, held = tls_server(certificate(folder)), HELD_BACK.get(case, lambda hello: False)
    for address in (OWN | NEUTRAL).values():
        listen(address, 4443, server)
        listen(address, 443, forwarder(address, (lambda hello: True) if address in DEAD.get(case, ()) else held))
    rows = [ROW.format(id=host, app="telegram", kind="tls", host=host, port=443) for host in OWN]
    rows += [ROW.format(id=host, app="", kind="tls", host=host, port=443) for host in NEUTRAL]
    rows.append(ROW.format(id="other", app="", kind="resolver", host=OTHER, port=53))
    (folder / "catalogue.toml").write_text("".join(rows))
    options = ["--app", "telegram", "--tier", tier, "--catalogue", str(folder / "catalogue.toml")]
    done = subprocess.run(
        [sys.executable, "-c", QUICK, "endpoints", *options, "--yes", "--gap", "0.05", "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "SSL_CERT_FILE": str(folder / "ca.pem")},
    )
    print(json.dumps({"code": done.returncode, "out": done.stdout, "errors": done.stderr}))  # noqa: T201 (the result)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
