"""Asks other hosts, each once, where a test server does not answer: is this device online, and do others answer?

Contract: nothing is sent but to the hosts that are given, which whoever runs the check agreed to. A host that operating
systems ask is asked as they do, by HTTP, and only its own answer counts: a page to log in at answers too. One in the
person's own country is asked for a TLS handshake. What is kept has no address.
"""

from __future__ import annotations

import datetime
import socket
import ssl
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from talkpath.errors import FileError, in_place_of
from talkpath.measure.facts import Exchange, Facts
from talkpath.probe.control_dialling import try_connect
from talkpath.probe.endpoint_driver import Lookup, connect_any, failure_name, system_lookup
from talkpath.probe.invite_link import InviteLink
from talkpath.wire.toml_text import decode_bounded_toml

SHIPPED_HOSTS = files("talkpath.probe").joinpath("data", "other_hosts.toml")
MAX_HTTP_ANSWER_BYTES = 4096
UNANSWERED_CONTROLS = ("timeout", "unresolved")
"""Outcomes of the control channel that other hosts explain."""


class OtherHost(Struct, frozen=True, forbid_unknown_fields=True):
    """One host that may be asked: an "online" one by HTTP at `path`, whose right answer has `status` and `text` in it;
    a "domestic" one, of that `country`, by TLS."""

    id: str
    kind: Literal["online", "domestic"]
    host: str
    source: str
    date: datetime.date
    path: str = "/"
    status: int = 200
    text: str = ""
    country: str = ""
    port: int = 0

    @property
    def at_port(self) -> int:
        """The port that is asked: that of HTTP or TLS where the row names none."""
        return self.port or (80 if self.kind == "online" else 443)


class _HostsFile(Struct, frozen=True, forbid_unknown_fields=True):
    host: tuple[OtherHost, ...]


def read_other_hosts(country: str = "", file: Path | None = None) -> tuple[OtherHost, ...]:
    """The hosts to ask from that country ("": not known), of the shipped file by default; `FileError` where it is
    none."""
    with in_place_of((OSError, ValueError), FileError("The file of other hosts cannot be read as one.")):
        data = SHIPPED_HOSTS.read_bytes() if file is None else file.read_bytes()
        rows = msgspec.convert(decode_bounded_toml(data), _HostsFile).host
    return tuple(row for row in rows if row.kind == "online" or row.country == country)


def ask_beside_silence(
    facts: Facts, link: InviteLink, family: int, hosts: Sequence[OtherHost], lookup: Lookup = system_lookup
) -> Facts:
    """The facts of a check whose server did not answer, with what these hosts answered, and what the server does once
    they have."""
    exchanges = facts.exchanges + ask_hosts(hosts, lookup)
    again = try_connect(link, family)
    return replace(facts, exchanges=exchanges, reach=replace(facts.reach, again=again))


def needs_other_hosts(facts: Facts) -> bool:
    """Whether the server did not answer at all, so that other hosts would tell more."""
    return facts.reach.control in UNANSWERED_CONTROLS and not facts.epochs


def ask_hosts(hosts: Sequence[OtherHost], lookup: Lookup = system_lookup) -> tuple[Exchange, ...]:
    """What each of them answers, all asked at once."""
    if not hosts:
        return ()
    start_s = time.monotonic()
    with ThreadPoolExecutor(len(hosts), "other-host") as pool:
        return tuple(pool.map(partial(_ask_host, lookup, start_s), hosts))


def _ask_host(lookup: Lookup, start_s: float, row: OtherHost) -> Exchange:
    asked_s = time.monotonic()
    failure = _host_failure(row, lookup)
    return Exchange(
        app="",
        host=row.id,
        neutral=True,
        at_s=round(asked_s - start_s, 3),
        ok=not failure,
        failure=failure,
        took_s=round(time.monotonic() - asked_s, 3),
        kind=row.kind,
        named=True,
    )


def _host_failure(row: OtherHost, lookup: Lookup) -> str:
    """Why that host did not answer, by the names of df-007; "" where it did."""
    found = lookup(row.host)
    if found.failure or not found.addresses:
        return found.failure or "dns_no_answer"
    try:
        with connect_any(found.addresses, row.at_port) as plain:
            if row.kind == "online":
                return "" if _answers_rightly(plain, row) else "unexpected_answer"
            with ssl.create_default_context().wrap_socket(plain, server_hostname=row.host):
                return ""
    except ssl.SSLCertVerificationError:
        return "unexpected_answer"
    except OSError as error:
        return failure_name(error)


def _answers_rightly(end: socket.socket, row: OtherHost) -> bool:
    """Whether the answer to one GET request is the host's own (RFC 9112)."""
    end.sendall(f"GET {row.path} HTTP/1.1\r\nHost: {row.host}\r\nConnection: close\r\n\r\n".encode("ascii"))
    answer = b""
    while len(answer) < MAX_HTTP_ANSWER_BYTES and (piece := end.recv(MAX_HTTP_ANSWER_BYTES)):
        answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(b"\r\n")[0].split()[1:2]
    return status == [str(row.status).encode()] and row.text.encode() in body
