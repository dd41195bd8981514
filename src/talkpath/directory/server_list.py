"""The list of test servers (spec/tp-011): one file, signed by the directory, that anybody may pass on.

    data = sign_list(signer, serial, now, servers)
    servers = read_list(data, key, now).servers

Contract: `read_list` raises only `ListRefusedError`, with one sentence, whatever the bytes are. A list that is too
large is refused before it is read, and nothing of it is used before its signature was verified.

Where a list of test servers is, and whose key signs it: an address or a file, then `#` and the directory's key.

    https://observatory.example/#KEY            an observatory
    https://mirror.example/servers.list#KEY     a copy of its list
    ./servers.list#KEY                          a file that somebody passed on
    talkpath-servers:TEXT#KEY                   the list itself, as text

The key is pinned as a test server's is. It may be left out where this machine has used that directory before, or where
it came with talkpath.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Annotated, Final, Literal, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import msgspec
from msgspec import Meta, Struct

from talkpath.directory.listed_server import MAX_LISTED_SERVER_BYTES, Key, ListedServer, entry_bytes
from talkpath.errors import UNREADABLE, PeerError, UsageError, WireError, in_place_of
from talkpath.wire.control.keys import SIGNATURE_BYTES, Signer, is_signed, raw_key

LIST_PATH = "/api/v1/responders/list"
WEB = ("https://", "http://")


class DirectoryLink(NamedTuple):
    """A place, and the key that signs the list there, b"" where the link has none."""

    place: str
    key: bytes = b""

    @property
    def in_web(self) -> bool:
        """Whether the list has to be fetched."""
        return self.place.casefold().startswith(WEB)

    @property
    def is_text(self) -> bool:
        """Whether the place is the list itself."""
        return self.place.startswith(LIST_TEXT_PREFIX)

    @property
    def list_url(self) -> str:
        """The list's address: that of an observatory's list where the link names nothing but a host."""
        parts = urlsplit(self.place)
        return urlunsplit(parts._replace(path=LIST_PATH)) if parts.path in ("", "/") else self.place


class _Directories(Struct, frozen=True):
    schema: Literal["talkpath.directories/1"]
    directories: tuple[str, ...]


def parse_directory_link(text: str) -> DirectoryLink:
    """Read a link to a directory; `UsageError` for half a key or nothing."""
    place, sign, key = text.strip().rpartition("#")
    place, key = (place, key) if sign else (key, "")
    raw = raw_key(key) if key else b""
    if not place or (sign and not raw):
        raise UsageError("A directory is an address or a file, then # and its whole key: https://HOST/#KEY.")
    return DirectoryLink(place, raw)


def built_in_directories() -> tuple[DirectoryLink, ...]:
    """The directories that come with talkpath; none until somebody runs one for everybody."""
    data = files("talkpath.directory").joinpath("directories.json").read_bytes()
    return tuple(map(parse_directory_link, msgspec.json.decode(data, type=_Directories).directories))


SCHEMA: Final = "talkpath.servers/1"
LIST_SIGNED_PREFIX: Final = b"talkpath servers\n"  # prefix: a signature for another purpose is not valid for this one
LIST_TEXT_PREFIX: Final = "talkpath-servers:"
MAX_LISTED_SERVERS: Final = 10_000
LIST_HEAD_BYTES: Final = 200
MAX_LIST_BYTES: Final = MAX_LISTED_SERVERS * MAX_LISTED_SERVER_BYTES + LIST_HEAD_BYTES
VALID: Final = timedelta(days=7)
MAX_CLOCKS_APART: Final = timedelta(hours=1)
MOST_SERIAL: Final = 1 << 53


class ListRefusedError(PeerError):
    """A list that is none, forged, of another directory, out of date or replayed."""


class ServerList(Struct, frozen=True, array_like=True):
    """What a directory signs: its key, the number of this list (each one has a higher number than the one before), when
    it was made (seconds since 1970), and the servers."""

    schema: Literal["talkpath.servers/1"]
    key: Key
    serial: Annotated[int, Meta(ge=1, le=MOST_SERIAL)]
    issued: Annotated[int, Meta(ge=0, lt=1 << 33)]
    servers: Annotated[tuple[ListedServer, ...], Meta(max_length=MAX_LISTED_SERVERS)]

    @property
    def issued_at(self) -> datetime:
        """When it was made, by the directory's clock."""
        return datetime.fromtimestamp(self.issued, UTC)


class _SignedList(Struct, frozen=True, array_like=True):
    body: Annotated[bytes, Meta(max_length=MAX_LIST_BYTES)]
    signature: Annotated[bytes, Meta(min_length=SIGNATURE_BYTES, max_length=SIGNATURE_BYTES)]


_signed_lists = msgspec.msgpack.Decoder(_SignedList)
_lists = msgspec.msgpack.Decoder(ServerList)


def sign_list(signer: Signer, serial: int, now: datetime, servers: Sequence[ListedServer]) -> bytes:
    """Sign a list; `WireError` where an entry or the list would be refused by readers."""
    if any(entry_bytes(server) > MAX_LISTED_SERVER_BYTES for server in servers) or len(servers) > MAX_LISTED_SERVERS:
        raise WireError("A list of test servers has at most 10 000 entries of 200 bytes.")
    made = ServerList(SCHEMA, signer.public, serial, int(now.timestamp()), tuple(servers))
    body = msgspec.msgpack.encode(made)
    return msgspec.msgpack.encode(_SignedList(body, signer.sign(LIST_SIGNED_PREFIX + body)))


def read_list(data: bytes, key: bytes, now: datetime) -> ServerList:
    """Read the list that the directory with that key signed, in date."""
    found = verify_list(data)
    if found.key != key:
        raise ListRefusedError("The list of test servers is signed by another directory than the one that was named.")
    if now - found.issued_at > VALID:
        raise ListRefusedError("The list of test servers is more than seven days old; get a newer one.")
    if found.issued_at - now > MAX_CLOCKS_APART:
        raise ListRefusedError("The list of test servers is from the future; is this device's clock right?")
    return found


def verify_list(data: bytes) -> ServerList:
    """Read a list that is signed by the key in it, whoever that is and however old it is."""
    if len(data) > MAX_LIST_BYTES:
        raise ListRefusedError("The list of test servers is larger than any directory's; nothing of it was used.")
    with in_place_of(UNREADABLE, ListRefusedError("That is no list of test servers (spec tp-011).")):
        signed = _signed_lists.decode(data)
        found = _lists.decode(signed.body)
    if not is_signed(LIST_SIGNED_PREFIX + signed.body, signed.signature, found.key):
        raise ListRefusedError("The list of test servers was changed after it was signed; nothing of it was used.")
    if len(signed.body) > len(found.servers) * MAX_LISTED_SERVER_BYTES + LIST_HEAD_BYTES:
        raise ListRefusedError("The list of test servers has entries of more than 200 bytes; nothing of it was used.")
    return found


def list_text(data: bytes) -> str:
    """A list as text, for a message or a QR code (which holds some ten servers)."""
    return LIST_TEXT_PREFIX + base64.urlsafe_b64encode(data).decode().rstrip("=")


def list_of_text(text: str) -> bytes:
    """The bytes of a list's text; `ListRefusedError` for another text."""
    if len(text) > len(LIST_TEXT_PREFIX) + MAX_LIST_BYTES * 4 // 3 + 4:
        raise ListRefusedError("The list of test servers is larger than any directory's; nothing of it was used.")
    coded = text.strip().removeprefix(LIST_TEXT_PREFIX)
    with in_place_of((ValueError, binascii.Error), ListRefusedError("That is no list of test servers (spec tp-011).")):
        return base64.b64decode(coded + "=" * (-len(coded) % 4), altchars=b"-_", validate=True)
