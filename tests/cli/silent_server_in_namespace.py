"""Run in a network namespace of its own by test_silent_server.py: a silent test server, and other hosts.

127.0.0.2 is the test server's, 127.0.1.1 to 127.0.1.4 are hosts that operating systems ask, 127.0.1.9 is one in the
person's own country; nftables drops what the case says. Where the case is "offline" there is no route to the server.
"""

from __future__ import annotations

import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from factories.networks.local_responder import FarEnd, small_plan
from talkpath.directory.listed_server import ListedServer, PublicAddress
from talkpath.directory.server_list import sign_list
from talkpath.lab.drivers.namespace import system_tool
from talkpath.wire.control.invitation import token_of_text
from talkpath.wire.control.keys import Signer, raw_key, raw_key_text

SERVER, ONLINE, HOME = "127.0.0.2", [f"127.0.1.{n}" for n in (1, 2, 3, 4)], "127.0.1.9"
ANSWER = "this host is online"
DROPPED = {
    "allowlist": f"ip daddr {SERVER} drop\nip daddr {{ {', '.join(ONLINE)} }} drop",
    "some_listed": f"ip daddr {SERVER} drop\nip daddr {{ {', '.join(ONLINE[2:])} }} drop",
    "address": f"ip daddr {SERVER} drop",
    "everything": "ip daddr 127.0.0.0/16 drop",
    "portal": f"ip daddr {SERVER} drop",
}
"""What is dropped in each case; in "portal" every web page is another one."""
QUICK = (
    "from talkpath.probe import control_dialling, endpoint_driver; "
    "control_dialling.CONNECT_S = control_dialling.TRY_CONNECT_S = endpoint_driver.STREAM_S = 0.7; "
    "from talkpath.cli import main; main()"
)
HOSTS_ROW = """
[[host]]
id = "{id}"
kind = "{kind}"
host = "{host}"
port = {port}
text = "{text}"
source = "this test"
date = 2026-11-30
country = "{country}"
"""


class Page(http.server.BaseHTTPRequestHandler):
    """Says one sentence."""

    said = ANSWER

    def do_GET(self) -> None:
        body = self.said.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class LoginPage(Page):
    """What a captive portal says."""

    said = "please log in"


def serve(host: str, page: type[Page], context: ssl.SSLContext | None = None) -> int:
    server = http.server.ThreadingHTTPServer((host, 0), page)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for HOME that signs itself, and a server's context with it."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOME))]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, both = folder / "ca.pem", folder / "home.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    both.write_bytes(public.read_bytes() + key.private_bytes(*private))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return public, context


def hosts_file(folder: Path, page: type[Page], context: ssl.SSLContext) -> Path:
    """The other hosts' rows, all of them served."""
    rows = [
        HOSTS_ROW.format(id=f"o{n}", kind="online", host=host, port=serve(host, page), text=ANSWER, country="")
        for n, host in enumerate(ONLINE)
    ]
    home = serve(HOME, page, context)
    rows.append(HOSTS_ROW.format(id="home", kind="domestic", host=HOME, port=home, text="", country="XX"))
    (folder / "hosts.toml").write_text("".join(rows))
    return folder / "hosts.toml"


def listed(folder: Path, far: FarEnd) -> list[str]:
    """The options of a check with a list that names the server alone."""
    address = PublicAddress(SERVER, far.control)
    entry = ListedServer(key=raw_key(far.key), address=address, token=token_of_text(far.token), network=64500, free=9)
    directory = Signer.fresh()
    (folder / "servers.list").write_bytes(sign_list(directory, 1, datetime.now(UTC), [entry]))
    return ["--directory", f"{folder}/servers.list#{raw_key_text(directory.public)}"]


def main(case: str, way: str, folder: Path) -> None:
    subprocess.run([str(system_tool("ip")), "link", "set", "lo", "up"], check=True)
    authority, context = certificate(folder)
    hosts = hosts_file(folder, LoginPage if case == "portal" else Page, context)
    with ExitStack() as stack:
        far = stack.enter_context(FarEnd(folder, more=["--host", SERVER]))
        where = listed(folder, far) if way == "list" else [far.link_for(SERVER)]
        if case == "off":
            far.process.kill()
            far.process.wait()
        if case == "offline":
            where = [far.link_for("203.0.113.5")]
        chain = f"chain arriving {{\ntype filter hook input priority 0;\n{DROPPED.get(case, '')}\n}}"
        rules = f"table inet restrictor {{\n{chain}\n}}\n"
        subprocess.run([str(system_tool("nft")), "-f", "-"], input=rules, text=True, check=True)
        options = ["--other-hosts", "--hosts-file", str(hosts), "--country", "XX", *small_plan(folder)]
        environment = {
            **os.environ,
            "SSL_CERT_FILE": str(authority),
            "XDG_STATE_HOME": str(folder / "state"),
            "TALKPATH_PRIVATE_SERVERS": "1",
        }
        written = ["--json", "-o", str(folder / "run.talkpath")] if way != "text" else []
        argv = ["check", *where, *options, *written]
        done = subprocess.run(
            [sys.executable, "-c", QUICK, *argv],
            env=environment, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
    sys.stdout.write(json.dumps({"code": done.returncode, "out": done.stdout, "errors": done.stderr}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
