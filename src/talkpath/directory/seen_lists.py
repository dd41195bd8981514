"""The newest list that this machine has seen of each directory, a file each.

They serve three ends: a list that is older than one already seen is refused (somebody replays it), a directory that
cannot be reached is replaced by what it last said, and a directory's key is known once it was used.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from talkpath.directory.server_list import MAX_LIST_BYTES, ListRefusedError, ServerList, verify_list
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

    def knows(self, key: bytes) -> bool:
        """Whether a list of that directory was used before."""
        return self.newest(key) is not None

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
