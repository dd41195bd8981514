"""Writes pcapng (draft-ietf-opsawg-pcapng): one section, one raw IP interface, nanoseconds, with packet directions."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from talkpath.wire.pcap.arrays import Bytes, Ints

RAW_LINK_TYPE = 101
NANOSECONDS = b"\x09\x00\x01\x00\x09\x00\x00\x00"
END = bytes(4)
INBOUND, OUTBOUND = 1, 2
FIRST_UID = 10_000


class Writer:
    """Writes one file, packet by packet; the file holds no information about the machine that wrote it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._uids: dict[str, int] = {}
        self._block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
        self._block(1, struct.pack("<HHI", RAW_LINK_TYPE, 0, 0) + NANOSECONDS + END)

    def packet(self, time_ns: int, data: bytes, size: int, link_direction: int, app: str = "") -> None:
        """Write one IP packet of `size` bytes, of which `data` is kept. `link_direction` as in `Frames`; `app` is
        written as PCAPdroid does, with a user id made up for this file."""
        head = struct.pack("<IIIII", 0, time_ns >> 32 & 0xFFFFFFFF, time_ns & 0xFFFFFFFF, len(data), size)
        comment = b""
        if app:
            text = b"u-%d" % self._uid(app)
            comment = struct.pack("<HH", 1, len(text)) + text + bytes(-len(text) % 4)
        flags = struct.pack("<HHI", 2, 4, OUTBOUND if link_direction else INBOUND) if link_direction >= 0 else b""
        options = comment + flags + END if comment or flags else b""
        self._block(6, head + data + bytes(-len(data) % 4) + options)

    def block(self, block: bytes) -> None:
        """Write a block that `packet_blocks` made."""
        self._file.write(block)

    def _uid(self, app: str) -> int:
        """Return the user id of an app; the first time, write its entry of PCAPdroid's map."""
        if app not in self._uids:
            self._uids[app] = uid = FIRST_UID + len(self._uids)
            name = app.encode()[:255]
            block = struct.pack("<IHBxiBB", 62652, 1, 1, uid, 0, len(name)) + name
            self._block(0x0BAD, block + bytes(-len(block) % 4))
        return self._uids[app]

    def _block(self, kind: int, body: bytes) -> None:
        length = struct.pack("<I", 12 + len(body))
        self._file.write(struct.pack("<I", kind) + length + body + length)


def packet_blocks(time_ns: Ints, data: Bytes, size: Ints, link_direction: NDArray[np.int8]) -> Iterator[bytes]:
    """Yield the blocks of many packets, as `Writer.packet` writes them; `data` has shape (n, a multiple of 4), and all
    of them or none have a direction."""
    if not len(data):
        return
    flags = np.where(link_direction > 0, OUTBOUND, INBOUND)
    options = np.array([4 << 16 | 2, 0, 0], "<u4") if link_direction[0] >= 0 else np.zeros(0, "<u4")
    length = 32 + data.shape[1] + options.nbytes
    out = np.zeros((len(data), length // 4), "<u4")
    out[:, 0], out[:, 1], out[:, -1] = 6, length, length
    out[:, 3], out[:, 4] = time_ns >> 32 & 0xFFFFFFFF, time_ns & 0xFFFFFFFF
    out[:, 5], out[:, 6] = data.shape[1], size
    behind = 7 + data.shape[1] // 4
    out.view(np.uint8)[:, 28 : 4 * behind] = data
    if len(options):
        out[:, behind:-1] = options
        out[:, behind + 1] = flags
    made = out.tobytes()
    for at in range(0, len(made), length):
        yield made[at : at + length]
