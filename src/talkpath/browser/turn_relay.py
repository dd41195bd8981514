"""TURN for the paths that are tried after a check: coturn, where it is installed, with credentials for one check.

One process a port; coturn tells UDP, TCP and TLS apart on each. It relays UDP to this machine's own addresses and to
nothing else, IPv6 included, so that nobody can use it as a proxy. Each credential, and the relay as a whole, has a
limit of allocations and of bytes a second. Credentials are those of draft-uberti-behave-turn-rest-00: the user name is
the time of expiry and a number of the check, the password is its HMAC. What cannot be offered is said in one sentence.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from itertools import product
from pathlib import Path
from secrets import token_hex

from talkpath.browser.far_end.counts_to_facts.call_paths import CallPath
from talkpath.grouping import grouped_by_key
from talkpath.wire.ip.address import bracketed_host

PAGE_RELAY_PORTS = (3478, 443)
TURN_TRANSPORTS = (("udp", 3478), ("udp", 443), ("tcp", 443), ("tls", 443))
VALID_S = 120
MAX_PER_CHECK = 12
"""Allocations of one credential at a time, on one port: four paths, and a browser opens one for each network that the
device is in."""
MAX_ALLOCATIONS = 60
MAX_BYTES_PER_S = 32_000
"""Of one allocation, each way: five times what a voice call takes."""
TURN_PROGRAM = "turnserver"
FIRST_RELAY_PORTS = {3478: 49160, 443: 49260}  # the first UDP port of each process's relays
MOST_RELAYED = 99
TURN_LOOK_INTERVAL_S = 1.0  # between two looks at whether a process still runs
RELAY_REALM = "turnserver"  # every stranger is told it: a scan of the internet must not find test servers by it
CLOSED_PORT_REASONS = {
    "own": "the responder has it for itself (--turn leaves it to the page)",
    "taken": "another program has it",
    "root": "this user may not open it",
    "ended": "its process ended, and is started again",
}


@dataclass
class TurnRelay:
    """The relay of one server.

    `missing` maps a port to why it is not served: "coturn" is not installed, the port is "taken", only "root" may open
    it, it is the responder's "own", or its process "ended" a moment ago. `trusted`: browsers trust its certificate.
    """

    secret: str
    missing: dict[int, str] = field(default_factory=dict)
    trusted: bool = False
    _commands: dict[int, list[str]] = field(default_factory=dict)
    _processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    _folder: tempfile.TemporaryDirectory[str] | None = None

    def paths(self, host: str, name: str = "") -> list[CallPath]:
        """Return all paths for a browser that reached this server at the address `host`, by a link with `name` in it,
        for which the certificate is."""
        paths = []
        for transport, port in TURN_TRANSPORTS:
            is_tls = transport == "tls"
            scheme, carried = ("turns", "tcp") if is_tls else ("turn", transport)
            url = f"{scheme}:{bracketed_host(name or host if is_tls else host)}:{port}?transport={carried}"
            missing = self.missing.get(port, self._missing_tls(name or host) if is_tls else "")
            paths.append(
                CallPath(
                    name=f"{transport}/{port}",
                    transport=transport,
                    port=port,
                    url="" if missing else url,
                    missing=missing,
                )
            )
        return paths

    def _missing_tls(self, name: str) -> str:
        """Why TLS is not offered under that name; "" if it is. Firefox uses no relay by TLS and a bare address."""
        return "certificate" if not self.trusted else "name" if _is_address(name) else ""

    def credentials(self, now_s: float | None = None) -> tuple[str, str]:
        """(user name, password) for one check, valid for `VALID_S`. coturn counts allocations by the part after ":"."""
        user = f"{int(time.time() if now_s is None else now_s) + VALID_S}:{token_hex(8)}"
        return user, base64.b64encode(hmac.digest(self.secret.encode(), user.encode(), "sha1")).decode()

    def without(self) -> list[str]:
        """A sentence for the operator on each port that cannot be offered."""
        if "coturn" in self.missing.values():
            return ["coturn is not installed here, so the page tries no way through by TURN: apt-get install coturn."]
        ports = grouped_by_key((why, str(port)) for port, why in self.missing.items())
        return [
            f"The page tries no way through by TURN over port {' or '.join(numbers)}: {CLOSED_PORT_REASONS[why]}."
            for why, numbers in ports.items()
        ]

    async def run(self) -> None:
        """Start its processes where they do not run, and return when one of them has ended; for a `Supervisor`."""
        for port, command in self._commands.items():
            if port not in self._processes:
                self._processes[port] = _start_process(command)
                self.missing.pop(port, None)
        while not (ended := [port for port, process in self._processes.items() if process.poll() is not None]):
            await asyncio.sleep(TURN_LOOK_INTERVAL_S)
        for port in ended:
            del self._processes[port]
            self.missing[port] = "ended"

    def reload(self) -> None:
        """Make it read its certificate again."""
        for process in self._processes.values():
            process.send_signal(signal.SIGUSR2)

    def stop(self) -> None:
        """End its processes."""
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(3.0)
            process.kill()
        if self._folder is not None:
            self._folder.cleanup()


def start_relay(
    addresses: Sequence[str], secret: str, certificate: tuple[str, str] | None = None, taken: Collection[int] = ()
) -> TurnRelay:
    """Start the relay on these addresses of this machine, except on ports that are `taken`. `certificate` has the files
    of a chain that browsers trust and of its key."""
    relay = TurnRelay(secret, missing_ports(addresses, taken), trusted=certificate is not None)
    ports = [port for port in PAGE_RELAY_PORTS if port not in relay.missing]
    if ports:
        relay._folder = tempfile.TemporaryDirectory()
    for port in ports:
        relay._commands[port] = [TURN_PROGRAM, "-c", str(_write_settings(relay, port, addresses, certificate))]
        relay._processes[port] = _start_process(relay._commands[port])
    return relay


def missing_ports(addresses: Sequence[str], taken: Collection[int] = ()) -> dict[int, str]:
    """The ports of `PAGE_RELAY_PORTS` that a relay on these addresses cannot have, each with why (see `TurnRelay`)."""
    if shutil.which(TURN_PROGRAM) is None:
        return dict.fromkeys(PAGE_RELAY_PORTS, "coturn")
    reasons = {port: "own" if port in taken else _why_not_free(port, addresses) for port in PAGE_RELAY_PORTS}
    return {port: why for port, why in reasons.items() if why}


def _is_address(name: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(ip_address(name))
    return False


def _why_not_free(port: int, addresses: Sequence[str]) -> str:
    """Why the port cannot be opened for UDP and TCP on these addresses; "" if it can."""
    for address, kind in product(addresses, (socket.SOCK_DGRAM, socket.SOCK_STREAM)):
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except PermissionError:
                return "root"
            except OSError:
                return "taken"
    return ""


def _start_process(command: list[str]) -> subprocess.Popen[bytes]:
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=nowhere)


def _write_settings(relay: TurnRelay, port: int, addresses: Sequence[str], certificate: tuple[str, str] | None) -> Path:
    """Write coturn's settings for one port. They are in a file, since everybody can read a command line."""
    assert relay._folder is not None  # made by `start_relay`
    folder, first = Path(relay._folder.name), FIRST_RELAY_PORTS[port]
    settings = [
        f"listening-port={port}",
        f"alt-listening-port={port}",
        f"min-port={first}",
        f"max-port={first + MOST_RELAYED}",
        "use-auth-secret",
        f"static-auth-secret={relay.secret}",
        f"realm={RELAY_REALM}",
        "no-cli",
        "no-multicast-peers",
        "no-rfc5780",
        "no-software-attribute",
        "no-tcp-relay",
        "no-dtls",
        f"user-quota={MAX_PER_CHECK}",
        f"total-quota={MAX_ALLOCATIONS}",
        f"max-bps={MAX_BYTES_PER_S}",
        f"bps-capacity={MAX_ALLOCATIONS * MAX_BYTES_PER_S}",
        f"max-allocate-lifetime={VALID_S}",
        "log-file=/dev/null",
        "simple-log",
        f"pidfile={folder}/{port}.pid",
        f"userdb={folder}/{port}.db",
        *([f"cert={certificate[0]}", f"pkey={certificate[1]}"] if certificate else ["no-tls"]),
        "denied-peer-ip=0.0.0.0-255.255.255.255",
        "denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        *(f"allowed-peer-ip={address}" for address in addresses),
        *(f"listening-ip={address}" for address in addresses),
        *(f"relay-ip={address}" for address in addresses),
    ]
    file = folder / f"{port}.conf"
    file.touch(0o600)
    file.write_text("\n".join(settings) + "\n")
    return file
