"""Lists of test servers that a stranger signed, on the command line: they name the victim's own network."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path

from attacks import forging
from attacks.stage import Attack, Finding, run_talkpath
from talkpath.directory.listed_server import ListedServer, PublicAddress
from talkpath.directory.server_list import sign_list
from talkpath.wire.control.keys import raw_key_text


def own_network(folder: Path) -> Finding:
    """A signed list whose servers are this machine and its neighbours: nothing may be called or found out."""
    signer = forging.named_signer("directory")
    with socket.create_server(("127.0.0.1", 0)) as watched:
        watched.settimeout(0.2)
        port = int(watched.getsockname()[1])
        hosts = ("127.0.0.1", "localhost", "192.168.1.1", "169.254.169.254")
        servers = [
            ListedServer(forging.named_signer(f"listed {host}").public, PublicAddress(host, port), country="XX", free=9)
            for host in hosts
        ]
        file = folder / "servers.list"
        file.write_bytes(sign_list(signer, 1, datetime.now(UTC), servers))
        end = run_talkpath("check", "--json", "--light", "--directory", f"{file}#{raw_key_text(signer.public)}")
        try:
            watched.accept()[0].close()
            called = True
        except TimeoutError:
            called = False
    told = f"{'called' if called else 'not called'}, {len(end.stdout)} bytes of result"
    return Finding(not called and not end.stdout and not end.traceback, told)


ATTACKS = (Attack("a list of test servers that names the own network: check", "no connection, no result", own_network),)
