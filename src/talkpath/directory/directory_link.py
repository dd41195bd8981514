"""Where a list of test servers is, and whose key signs it: an address or a file, then `#` and the directory's key.

    https://observatory.example/#KEY            an observatory
    https://mirror.example/servers.list#KEY     a copy of its list
    ./servers.list#KEY                          a file that somebody passed on
    talkpath-servers:TEXT#KEY                   the list itself, as text

The key is pinned as a test server's is. It may be left out where this machine has used that directory before, or where
it came with talkpath.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Literal, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import msgspec
from msgspec import Struct

from talkpath.directory.server_list import LIST_TEXT_PREFIX
from talkpath.errors import UsageError
from talkpath.wire.control.keys import raw_key

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
