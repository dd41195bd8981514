"""TURN servers as their operators write them: the URL of RFC 7065, and a user name with its password.

Contract: no text of this module's records or errors holds a host, a user name or a password.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from talkpath.errors import UsageError

MAX_TURN_SERVERS: Final = 4
TURN_PORTS: Final = {"turn": 3478, "turns": 5349}  # RFC 7065 section 3.1
MOST_NAME_BYTES: Final = 508  # RFC 8489 section 14.3
_URL = re.compile(r"(turns?):(\[[0-9a-fA-F:.]+\]|[^\s/?#@:\[\]]+)(?::(\d{1,5}))?(?:\?transport=(udp|tcp))?")
WRONG_URL: Final = (
    "A TURN server is written as turn:HOST, turn:HOST:PORT?transport=udp (or tcp) or turns:HOST:PORT, without a user "
    "name or a password."
)


@dataclass(frozen=True, slots=True)
class TurnServer:
    """One server and the transport by which it is reached: "udp", "tcp" or "tls"."""

    transport: str
    host: str = field(repr=False)
    port: int

    @property
    def code(self) -> str:
        """The name of this way in results, such as "turn-udp/3478", without the address."""
        return f"turn-{self.transport}/{self.port}"


@dataclass(frozen=True, slots=True)
class TurnCredentials:
    """A long-term credential (RFC 8489 section 9.2)."""

    user: str = field(repr=False)
    password: str = field(repr=False)

    @classmethod
    def of(cls, user: str, password: str) -> TurnCredentials:
        """The credential; `UsageError` where one half is missing or longer than TURN allows."""
        if not user or not password or len(user.encode()) > MOST_NAME_BYTES:
            raise UsageError("A TURN server needs a user name (508 bytes at most) and a password.")
        return cls(user, password)

    @classmethod
    def read(cls, text: str) -> TurnCredentials:
        """The credential in a file: the user name in its first line, the password in its second one."""
        user, _, rest = text.partition("\n")
        return cls.of(user.strip("\r"), rest.partition("\n")[0].strip("\r"))


@dataclass(frozen=True, slots=True)
class TurnServers:
    """The servers that a user named, and one credential for all of them."""

    servers: tuple[TurnServer, ...]
    credentials: TurnCredentials


def parse_turn_url(url: str) -> TurnServer:
    """Read one URL. `UsageError` where it is none: TURN over DTLS is not asked."""
    found = _URL.fullmatch(url.strip())
    scheme, host, number, carried = found.groups() if found else ("", "", None, None)
    port = int(number or TURN_PORTS.get(scheme, 0))
    if not found or not 0 < port < 65_536 or (scheme, carried) == ("turns", "udp"):
        raise UsageError(WRONG_URL)
    transport = "tls" if scheme == "turns" else carried or "udp"
    return TurnServer(transport, host.strip("[]"), port)


def parse_turn_urls(urls: Sequence[str]) -> tuple[TurnServer, ...]:
    """Read several URLs. `UsageError` for more than `MAX_TURN_SERVERS`, and for two that results could not tell
    apart."""
    servers = tuple(map(parse_turn_url, urls))
    if len(servers) > MAX_TURN_SERVERS:
        raise UsageError(f"At most {MAX_TURN_SERVERS} TURN servers in one check.")
    if len({server.code for server in servers}) < len(servers):
        raise UsageError("Results name a TURN server by transport and port alone; check two of a kind one by one.")
    return servers
