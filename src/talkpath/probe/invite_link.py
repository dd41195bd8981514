"""Where to find a responder: an invite link or `host:port#key`.

    talkpath://HOST:PORT/?also=443&until=2026-11-25T10:00Z#KEY

`also` is another port that takes the control channel, for networks that let out nothing else. The key is the
responder's Ed25519 public key: whoever answers with another one is somebody else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from talkpath.errors import UsageError
from talkpath.wire.control.keys import valid_key_text

SCHEME = "talkpath"
DEFAULT_PORT = 4433
WEB_ADDRESSES = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class InviteLink:
    """`until` is when the invitation ends, None for never; `also` a second port, 0 for none. The host is not for
    messages or files."""

    host: str = field(repr=False)
    port: int
    key: str
    until: datetime | None = None
    also: int = 0

    @property
    def ports(self) -> tuple[int, ...]:
        """Where the control channel may be, the first to be tried first."""
        return (self.port, self.also) if self.also not in (0, self.port) else (self.port,)

    def text(self) -> str:
        """The invite link."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        also = [f"also={self.also}"] if len(self.ports) > 1 else []
        until = [] if self.until is None else [f"until={self.until.astimezone(UTC):%Y-%m-%dT%H:%MZ}"]
        query = "&".join(also + until)
        return f"{SCHEME}://{host}:{self.port}/{query and '?'}{query}#{self.key}"


def parse_invite_link(text: str) -> InviteLink:
    """`UsageError` with what is wrong and what a link looks like."""
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
    if not valid_key_text(parts.fragment):
        raise UsageError(f"The link has no key after '#', or only a part of it; copy the whole link. {_LOOKS}")
    query = parse_qs(parts.query)
    until = _until(query.get("until", [""])[0])
    return InviteLink(parts.hostname, port, parts.fragment, until, _also(query.get("also", ["0"])[0]))


_LOOKS = "An invite link looks like talkpath://HOST:PORT/#KEY or HOST:PORT#KEY."


def _also(text: str) -> int:
    if not text.isdecimal() or not text.isascii() or int(text) > 65535:
        raise UsageError("The link's 'also' is not a port number; copy the whole link.")
    return int(text)


def _until(text: str) -> datetime | None:
    if not text:
        return None
    try:
        until = datetime.fromisoformat(text)
        return until if until.tzinfo else until.replace(tzinfo=UTC)
    except ValueError:
        raise UsageError("The link's 'until' is not a date; copy the whole link.") from None
