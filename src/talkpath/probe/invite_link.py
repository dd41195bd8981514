"""Where a responder is found: an invite link, or `host:port#key`.

    talkpath://HOST:PORT/?also=443&until=2026-11-25T10:00Z&token=TOKEN#KEY

`also` is another port that takes the control channel, for networks that let out nothing else. The key is the
responder's Ed25519 public key: whoever answers with another one is somebody else. The token proves the invitation
(`wire.control.invitation`); without one only responders that are open to everybody answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from talkpath.errors import UsageError, in_place_of
from talkpath.wire.control.invitation import Invitation, invitation_proof, token_of_text, token_text, until_text
from talkpath.wire.control.keys import raw_key
from talkpath.wire.ip.address import bracketed_host

SCHEME = "talkpath"
DEFAULT_PORT = 4433
WEB_ADDRESSES = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class InviteLink:
    """`until` is when the invitation ends, None for never; `also` a second port, 0 for none; `token` 16 bytes, b"" for
    none. `addresses` are those of a server that a list names: no others are called, and each takes one connection
    until it has shown the key. Host, token and addresses are not for messages or files."""

    host: str = field(repr=False)
    port: int
    key: str
    until: datetime | None = None
    also: int = 0
    token: bytes = field(default=b"", repr=False)
    addresses: tuple[str, ...] = field(default=(), repr=False)

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports where the control channel may be, in the order to try them."""
        return (self.port, self.also) if self.also not in (0, self.port) else (self.port,)

    def invitation(self, binding: bytes) -> Invitation:
        """The proof of this invitation for the TLS connection with that channel binding."""
        return invitation_proof(self.token, until_text(self.until), binding)

    def text(self) -> str:
        """The invite link."""
        fields = {
            "also": str(self.also) if len(self.ports) > 1 else "",
            "until": until_text(self.until),
            "token": token_text(self.token) if self.token else "",
        }
        query = "&".join(f"{name}={value}" for name, value in fields.items() if value)
        return f"{SCHEME}://{bracketed_host(self.host)}:{self.port}/{query and '?'}{query}#{self.key}"


def parse_invite_link(text: str) -> InviteLink:
    """Read a link. `UsageError` says what is wrong and what a link looks like."""
    text = text.strip()
    address = text if "://" in text else f"{SCHEME}://{text}"
    try:
        parts = urlsplit(address)
        port = DEFAULT_PORT if parts.port is None else parts.port
    except ValueError:
        port = 0
    if address.casefold().startswith(WEB_ADDRESSES):
        raise UsageError(f"This is the link of a page: open it in a browser, on the network to be tested. {_LOOKS}")
    if not port:
        raise UsageError(f"This is not an invite link: its port is not a number from 1 to 65535. {_LOOKS}")
    if parts.scheme != SCHEME or not parts.hostname:
        raise UsageError(f"This is not an invite link: it names no host. {_LOOKS}")
    if not raw_key(parts.fragment):
        raise UsageError(
            f"The link has no key after '#', or only a part of it; copy it whole, in double quotes. {_LOOKS}"
        )
    query = parse_qs(parts.query)
    return InviteLink(
        host=parts.hostname,
        port=port,
        key=parts.fragment,
        until=_read_expiry(query.get("until", [""])[0]),
        also=_read_further_ports(query.get("also", ["0"])[0]),
        token=_read_token(query.get("token", [""])[0]),
    )


_LOOKS = "An invite link looks like talkpath://HOST:PORT/#KEY or HOST:PORT#KEY."


def _read_token(text: str) -> bytes:
    token = token_of_text(text) if text else b""
    if text and not token:
        raise UsageError("The link's 'token' is none, or half of one; copy the link whole.")
    return token


def _read_further_ports(text: str) -> int:
    if not text.isdecimal() or not text.isascii() or int(text) > 65535:
        raise UsageError("The link's 'also' is not a port number; copy the whole link.")
    return int(text)


def _read_expiry(text: str) -> datetime | None:
    if not text:
        return None
    with in_place_of((ValueError, OverflowError), UsageError("The link's 'until' is not a date; copy the whole link.")):
        until = datetime.fromisoformat(text)
        return until.astimezone(UTC) if until.tzinfo else until.replace(tzinfo=UTC)
