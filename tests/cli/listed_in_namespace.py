"""Run in a network namespace of its own by test_check_namespace.py: a directory, test servers, dead and blocked ones.

127.0.0.1 serves the list. At 127.0.0.2 is a test server whose UDP is dropped on the way, at 127.0.0.3 a good one.
Nothing listens at 127.0.0.4, and what goes to 127.0.0.5 is dropped.
"""

from __future__ import annotations

import functools
import http.server
import os
import subprocess
import sys
import threading
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from factories.networks.local_responder import TALKPATH, FarEnd, small_plan
from talkpath.directory.listed_server import ListedServer, NetworkClass, PublicAddress
from talkpath.directory.server_list import sign_list
from talkpath.lab.drivers.namespace import system_tool
from talkpath.wire.control.invitation import token_of_text
from talkpath.wire.control.keys import Signer, raw_key, raw_key_text

RULES = """
table inet restrictor {
    chain arriving {
        type filter hook input priority 0;
        ip daddr 127.0.0.5 drop
        ip daddr 127.0.0.2 meta l4proto udp drop
    }
}
"""


def run(command: list[str], text: str | None = None) -> None:
    subprocess.run(command, input=text, text=True, check=True)


def entry(far: FarEnd, host: str, network: int, network_class: NetworkClass) -> ListedServer:
    return ListedServer(
        key=raw_key(far.key),
        address=PublicAddress(host, far.control),
        token=token_of_text(far.token),
        network=network,
        network_class=network_class,
        free=9,
    )


def dead(host: str, network: int) -> ListedServer:
    address = PublicAddress(host, 4433)
    return ListedServer(Signer.fresh().public, address, network=network, network_class="home", free=9)


def serve(folder: Path) -> str:
    """Serve the folder over HTTP; its URL."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def main(folder: Path) -> None:
    run([str(system_tool("ip")), "link", "set", "lo", "up"])
    run([str(system_tool("nft")), "-f", "-"], RULES)
    directory = Signer.fresh()
    with ExitStack() as stack:
        blocked, good = (
            stack.enter_context(FarEnd(folder, more=["--host", host])) for host in ("127.0.0.2", "127.0.0.3")
        )
        servers = [
            dead("127.0.0.4", 64500),
            dead("127.0.0.5", 64501),
            entry(blocked, "127.0.0.2", 64502, "unknown"),
            entry(good, "127.0.0.3", 64503, "hosting"),
        ]
        (folder / "servers.list").write_bytes(sign_list(directory, 1, datetime.now(UTC), servers))
        place = f"{serve(folder)}/servers.list#{raw_key_text(directory.public)}"
        environment = {**os.environ, "TALKPATH_DIRECTORY": place, "XDG_STATE_HOME": str(folder / "state")}
        plan = small_plan(folder, budget_s=60.0, budget_bytes=10_000_000)
        run_check = [*TALKPATH, "check", "--json", *plan]
        done = subprocess.run(run_check, env=environment, capture_output=True, text=True, check=False, timeout=120)
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
