"""Whom an app's own addresses may be asked of: rows of a TOML file, each with its source, date and confidence.

A row names a host that the app's makers published or that captures show; no row is a person's. `choose_endpoints`
takes out those of the apps that a person ticked, up to the tier that the person chose, with the neutral hosts that
stand beside them.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from importlib.resources import files
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from talkpath.apps import app_id
from talkpath.errors import FileError, UsageError
from talkpath.wire.toml_text import decode_bounded_toml

Kind = Literal["stun", "stun-tcp", "tcp", "tls", "resolver"]
TIERS = ("names only", "what any browser does", "what the app itself does", "packets that expire on the way")
TLS_HELLOS = ("tls.browser", "tls.openssl")  # the first TLS message as a current browser, and as OpenSSL, writes it
STALE_DAYS = datetime.timedelta(days=365)  # a server that was seen longer ago may have moved
SHIPPED_CATALOGUE = files("talkpath.probe").joinpath("data", "endpoints.toml")


class EndpointRow(Struct, frozen=True, forbid_unknown_fields=True):
    """One host and port. `app` "" is a neutral one. `date`: when its source saw it answer."""

    id: str
    app: str
    kind: Kind
    host: str
    port: int
    tier: int
    source: str
    date: datetime.date
    confidence: Literal["high", "low"]

    @property
    def is_name(self) -> bool:
        """Is the host a name, that is to be looked up?"""
        try:
            ip_address(self.host)
        except ValueError:
            return True
        return False

    def known(self, today: datetime.date) -> Literal["high", "low"]:
        """Confidence that it answers, "low" where the source is old."""
        return "low" if today - self.date > STALE_DAYS else self.confidence


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    endpoint: tuple[EndpointRow, ...]


class ChosenEndpoints(Struct, frozen=True):
    """`names_only`: names are looked up, and nobody else is asked. `hellos`: hosts that speak TLS are also asked with
    the first messages of two clients."""

    rows: tuple[EndpointRow, ...]
    neutral: tuple[EndpointRow, ...]
    resolver: EndpointRow
    names_only: bool
    hellos: bool = False

    def asks(self, row: EndpointRow) -> tuple[str, ...]:
        """Return all kinds in which the row is asked, names apart."""
        return (row.kind, *TLS_HELLOS) if self.hellos and row.kind == "tls" else (row.kind,)


def read_catalogue(file: Path | None = None) -> tuple[EndpointRow, ...]:
    """The rows of a file, of the shipped one by default; `FileError` for a file that is none."""
    try:
        data = SHIPPED_CATALOGUE.read_bytes() if file is None else file.read_bytes()
        rows = msgspec.convert(decode_bounded_toml(data), _File).endpoint
    except (OSError, ValueError) as error:
        raise FileError(f"The file of --catalogue cannot be read as one: {_why_unusable(error)}.") from None
    for row in rows:
        printable = row.id.isprintable() and row.host.isprintable()
        if not (printable and 0 < row.port < 65536 and 0 <= row.tier < len(TIERS)):
            raise FileError(f"The catalogue's row {row.id!r} has a port, tier or name that cannot be; correct it.")
        if row.kind == "resolver" and row.is_name:
            raise FileError(f"The catalogue's row {row.id!r} names a resolver; give its address.")
    if len({row.id for row in rows}) < len(rows):
        raise FileError("The catalogue has two rows of one id; give each its own.")
    return rows


def _why_unusable(error: Exception) -> str:
    return "it cannot be opened" if isinstance(error, OSError) else str(error).rstrip(".")


def choose_endpoints(rows: Sequence[EndpointRow], apps: Sequence[str], tier: int) -> ChosenEndpoints:
    """What those apps are to be asked; `UsageError` where there is nothing, or no control to put beside it."""
    known = list(dict.fromkeys(row.app for row in rows if row.app))
    apps = [name if name in known else app_id(name) for name in apps]
    for app in apps:
        if app not in known:
            raise UsageError(f"The catalogue has no app {app!r}; it has {', '.join(known)}.")
    if not apps:
        raise UsageError(f"Choose whose servers to ask with --app, once or several times: {', '.join(known)}.")
    names_only = tier == 0
    mine = [row for row in rows if row.app in apps and (row.is_name if names_only else row.tier <= tier)]
    resolvers = [row for row in rows if row.kind == "resolver"]
    kinds = {row.kind for row in mine}
    neutral = [row for row in rows if not row.app and row.kind in kinds]
    if not mine:
        raise UsageError("The catalogue has nothing to ask of these apps at that tier; choose a higher --tier.")
    if not resolvers or not all(any(row.kind == kind for row in neutral) for kind in kinds):
        raise FileError('The catalogue lacks a neutral host (app "") or the other resolver for these rows; add one.')
    if names_only and not any(row.is_name for row in neutral):
        raise FileError("The catalogue lacks a neutral host with a name; add one.")
    return ChosenEndpoints(tuple(mine), tuple(neutral), resolvers[0], names_only, hellos=tier >= 2)
