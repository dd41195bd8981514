"""Brings the list of test servers in: from an observatory, a mirror, a file, or a text that somebody passed on.

Contract: whoever serves the list learns that this address asked for it, and nothing else. `ListRefusedError` where a
list is refused; a directory that cannot be reached is replaced by the list that it signed last, where that is in date.

The newest list that this machine has seen of each directory, a file each.

They serve three ends: a list that is older than one already seen is refused (somebody replays it), a directory that
cannot be reached is replaced by what it last said, and a directory's key is known once it was used.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from talkpath.directory.server_list import (
    LIST_TEXT_PREFIX,
    MAX_LIST_BYTES,
    DirectoryLink,
    ListRefusedError,
    ServerList,
    list_of_text,
    read_list,
    verify_list,
)
from talkpath.errors import FileError, PeerError, in_place_of
from talkpath.evidence.http_request import http_request
from talkpath.wire.control.keys import raw_key_text

ENDING = ".list"


@dataclass(frozen=True)
class SeenLists:
    """The folder of these files. It is made when the first list is kept, readable by this user only."""

    folder: Path

    def newest(self, key: bytes) -> tuple[ServerList, bytes] | None:
        """The newest list of that directory, and its bytes; None where none was seen or the file is damaged."""
        try:
            with self._file(key).open("rb") as file:
                data = file.read(MAX_LIST_BYTES + 1)
            found = verify_list(data)
        except (OSError, ListRefusedError):
            return None
        return (found, data) if found.key == key else None

    def take(self, found: ServerList, data: bytes) -> None:
        """Keep a list that was read; `ListRefusedError` where a newer one, or another one of the same number, was seen.

        A folder that cannot be written only means that less is remembered.
        """
        seen = self.newest(found.key)
        if seen is not None and seen[0].serial > found.serial:
            raise ListRefusedError("The list of test servers is older than one seen before: somebody replays it.")
        if seen is not None and seen[0].serial == found.serial and seen[0] != found:  # however its bytes are wrapped
            raise ListRefusedError("The directory signed two different lists of one number; neither can be relied on.")
        if seen is None or seen[0].serial < found.serial:
            with suppress(OSError):
                self._write(self._file(found.key), data)

    def _file(self, key: bytes) -> Path:
        return self.folder / f"{raw_key_text(key)}{ENDING}"

    def _write(self, file: Path, data: bytes) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = file.with_name(f"{file.name}.{os.getpid()}.new")
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(data)
        new.replace(file)


FETCH_TIMEOUT_S: Final = 10.0
LIST_MEDIA_TYPE: Final = "application/vnd.talkpath.servers"
COUNTRY_HEADER: Final = "Talkpath-Country"


class FoundList(NamedTuple):
    """A list that may be used. `country` is where the directory takes this device to be, "" where it does not say.
    `kept`: the directory could not be reached, and this is the list that it signed last."""

    servers: ServerList
    country: str = ""
    kept: bool = False


@dataclass(frozen=True)
class ListReader:
    """Reads lists and remembers the newest ones. `now` is the wall clock."""

    seen: SeenLists
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def read(self, link: DirectoryLink) -> FoundList:
        """The list at that place, signed by the key of the link."""
        try:
            data, country = _fetch_list(link)
        except ListRefusedError:
            raise
        except PeerError:
            return self._kept(link.key)
        key = link.key or self._known_key(data)
        found = read_list(data, key, self.now())
        self.seen.take(found, data)
        return FoundList(found, country)

    def _known_key(self, data: bytes) -> bytes:
        """The key in the list, if this machine has used that directory before."""
        key = verify_list(data).key
        if self.seen.newest(key) is None:
            raise ListRefusedError(
                "The list is of a directory that this machine has not used before; put # and its key behind the list."
            )
        return key

    def _kept(self, key: bytes) -> FoundList:
        seen = self.seen.newest(key) if key else None
        if seen is None:
            raise PeerError("The directory of test servers cannot be reached, and no list of it is kept here.")
        return FoundList(read_list(seen[1], key, self.now()), kept=True)


def _fetch_list(link: DirectoryLink) -> tuple[bytes, str]:
    """The bytes of a list, and the country that the directory sees this device in."""
    if link.is_text:
        return list_of_text(link.place), ""
    if not link.in_web:
        return _list_of_file(Path(link.place)), ""
    answer = http_request(
        link.list_url, "GET", headers={"Accept": LIST_MEDIA_TYPE}, most_bytes=MAX_LIST_BYTES, timeout_s=FETCH_TIMEOUT_S
    )
    if answer.status != 200:
        raise PeerError("The directory of test servers does not give its list.")
    country = answer.headers.get(COUNTRY_HEADER.lower(), "")
    return _list_bytes(answer.body), country if re.fullmatch("[A-Z]{2}", country) else ""


def _list_of_file(path: Path) -> bytes:
    with (
        in_place_of((OSError, ValueError), FileError("The list of test servers cannot be read; is its name right?")),
        path.open("rb") as file,
    ):
        return _list_bytes(file.read(2 * MAX_LIST_BYTES))


def _list_bytes(data: bytes) -> bytes:
    """The bytes of a list, which may be written as text."""
    return list_of_text(data.decode("ascii", "replace")) if data.startswith(LIST_TEXT_PREFIX.encode()) else data
