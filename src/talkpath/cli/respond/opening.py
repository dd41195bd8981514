"""Opens a responder on this machine: its key, its ports, its engine, and the link to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from talkpath.cli.respond.ports import HTTPS_PORT
from talkpath.errors import FileError, in_place_of

if TYPE_CHECKING:
    from talkpath.probe.invite_link import InviteLink
    from talkpath.responder.driver import ResponderDriver
    from talkpath.responder.geoip import GeoDatabase
    from talkpath.responder.limits import Identity
    from talkpath.responder.responder import Responder
    from talkpath.wire.control.invitation import Invitations
    from talkpath.wire.control.keys import Signer

NO_KEY = (
    "The key file cannot be read or holds no key; put a copy of it back, or delete it and a new one is made: links "
    "given out before then work no more."
)


class Listening(NamedTuple):
    """Where a responder listens, and how it is reached: `inner` as for `ResponderDriver`, `invite` is its name. It
    stops after `hours`, 0 for never. `takes_shapes`: of recorded calls, from probes."""

    identity: Identity
    inner: dict[tuple[str, int], int]
    port: int
    host: str | None
    invite: str | None
    hours: float
    is_open: bool
    takes_shapes: bool = True


class Invited(NamedTuple):
    """The responder's key, and its invitation. `invitations` is None where it is open to everybody."""

    signer: Signer
    invitations: Invitations | None
    link: InviteLink


def invite_to(pem: Path, at: Listening) -> Invited:
    """The invitation to the responder with the key in this file; `FileError` where the file holds none."""
    from talkpath.probe.invite_link import InviteLink
    from talkpath.wire.control.invitation import Invitations, until_text
    from talkpath.wire.control.keys import Signer, raw_key_text

    with in_place_of(OSError, FileError(NO_KEY)):
        signer = Signer.of_pem(pem.read_bytes())
    invitations = None if at.is_open else Invitations(signer)
    until = datetime.now(UTC) + timedelta(hours=at.hours) if at.hours else None
    link = InviteLink(
        host=at.invite or at.host or "HOST",
        port=at.port,
        key=raw_key_text(signer.public),
        until=until,
        also=HTTPS_PORT if HTTPS_PORT in at.identity.tls_ports else 0,
        token=invitations.token(until_text(until)) if invitations else b"",
    )
    return Invited(signer, invitations, link)


def open_responder(pem: Path, at: Listening, geoip: GeoDatabase, invited: Invited) -> tuple[ResponderDriver, Responder]:
    """Open the ports; `UsageError` or `FileError` where that is not possible."""
    from talkpath.responder.driver import ResponderDriver
    from talkpath.responder.limits import USUAL_LIMITS
    from talkpath.responder.receipts import ReceiptSigner
    from talkpath.responder.responder import Responder

    receipts = ReceiptSigner(invited.signer, _this_hour)
    limits = USUAL_LIMITS if at.takes_shapes else replace(USUAL_LIMITS, shape_bytes=0)
    responder = Responder(at.identity, limits, receipts=receipts, invitations=invited.invitations)
    with in_place_of(OSError, FileError(NO_KEY)):  # of ssl, too
        driver = ResponderDriver(responder, pem, control_port=at.port, host=at.host, inner=at.inner, geoip=geoip)
    return driver, responder


def _this_hour() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H}:00:00Z"
