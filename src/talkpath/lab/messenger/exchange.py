"""What a round of exchanges consists of, and the command lines of the host and of the client."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from talkpath.lab.path.hosts import LAB_REFERENCE, MESSENGER, LabHost
from talkpath.measure.facts import Exchange

MESSENGER_PORT = 443
ROUNDS, ROUND_S, TIMEOUT_S = 3, 2.0, 6.0
MESSAGE_BYTES, ANSWER_BYTES = 200, 300
MESSENGER_PROGRAM = (sys.executable, "-m", "talkpath.lab.messenger")

SocketAddress = tuple[str, int]


class ExchangeRequest(Struct, frozen=True):
    """The client's task: the apps, the addresses of the messenger and of the neutral host, and the key of both."""

    apps: tuple[str, ...]
    hosts: tuple[SocketAddress, SocketAddress]
    key: str


def serve_argv(port: int, pem: Path, listen_on: str = "") -> list[str]:
    """The command that starts a host. `listen_on` is the only address to listen on, "" for all."""
    return [*MESSENGER_PROGRAM, "serve", str(port), str(pem), listen_on]


def ask_argv(request: ExchangeRequest) -> list[str]:
    """The command that starts the client."""
    return [*MESSENGER_PROGRAM, "ask", msgspec.json.encode(request).decode()]


def read_exchanges(stdout: bytes) -> tuple[Exchange, ...]:
    """Decodes the client's output; empty where the client was cut off."""
    try:
        return msgspec.json.decode(stdout, type=tuple[Exchange, ...])
    except msgspec.DecodeError:
        return ()


def round_of(apps: Sequence[str]) -> list[tuple[str, LabHost, bool]]:
    """(app, host, neutral) of each exchange of one round."""
    return [*((app, MESSENGER, False) for app in apps), ("", LAB_REFERENCE, True)]
