"""Brings the list of test servers in: from an observatory, a mirror, a file, or a text that somebody passed on.

Contract: whoever serves the list learns that this address asked for it, and nothing else. `ListRefusedError` where a
list is refused; a directory that cannot be reached is replaced by the list that it signed last, where that is in date.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from talkpath.directory.directory_link import DirectoryLink
from talkpath.directory.seen_lists import SeenLists
from talkpath.directory.server_list import (
    LIST_TEXT_PREFIX,
    MAX_LIST_BYTES,
    ListRefusedError,
    ServerList,
    list_of_text,
    read_list,
    verify_list,
)
from talkpath.errors import FileError, PeerError
from talkpath.evidence.http_request import http_request

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
        if not self.seen.knows(key):
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
    try:
        with path.open("rb") as file:
            return _list_bytes(file.read(2 * MAX_LIST_BYTES))
    except (OSError, ValueError):
        raise FileError("The list of test servers cannot be read; is its name right?") from None


def _list_bytes(data: bytes) -> bytes:
    """The bytes of a list, which may be written as text."""
    return list_of_text(data.decode("ascii", "replace")) if data.startswith(LIST_TEXT_PREFIX.encode()) else data
