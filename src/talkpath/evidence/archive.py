"""A zip that can be written in one way only (PKZIP APPNOTE 6.3.10, sections 4.3.7, 4.3.12, 4.3.16).

Contract: stored entries without comments, extra fields or dates, one after the other, then the directory. `unpack`
builds the file again from what it found and compares: any other byte anywhere is a `BundleError`. Any zip program
opens it; the format is written out here since what a library writes may change with its version.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

from talkpath.errors import BundleError

LOCAL, ENTRY, END = 0x04034B50, 0x02014B50, 0x06054B50
FIRST_DAY = 0x0021  # 1980-01-01, the zip's own first
PLAIN_FILE = 0o100644 << 16
MOST_PARTS = 16


def pack(parts: Mapping[str, bytes]) -> bytes:
    """The file's bytes; the parts in the order given, their names ASCII."""
    out, directory = bytearray(), bytearray()
    for name, data in parts.items():
        text, crc, size = name.encode("ascii"), zlib.crc32(data), len(data)
        common = (20, 0, 0, 0, FIRST_DAY, crc, size, size, len(text))
        directory += struct.pack(
            "<I2B5H3I5H2I", ENTRY, 20, 3, *common[:5], *common[5:8], len(text), 0, 0, 0, 0, PLAIN_FILE, len(out)
        )
        directory += text
        out += struct.pack("<I5H3I2H", LOCAL, *common, 0) + text + data
    end = struct.pack("<I4H2IH", END, 0, 0, len(parts), len(parts), len(directory), len(out), 0)
    return bytes(out + directory) + end


def unpack(data: bytes) -> dict[str, bytes]:
    """Name -> bytes, in the file's order."""
    parts: dict[str, bytes] = {}
    at = 0
    while data[at : at + 4] == LOCAL.to_bytes(4, "little") and len(data) >= at + 30 and len(parts) < MOST_PARTS:
        size, name_size = struct.unpack_from("<I", data, at + 18)[0], struct.unpack_from("<H", data, at + 26)[0]
        name = data[at + 30 : at + 30 + name_size].decode("latin-1")
        begin = at + 30 + name_size
        parts[name] = data[begin : begin + size]
        at = begin + size
    if not parts:
        raise BundleError("The file is no talkpath bundle, or its beginning is damaged.")
    if not all(name.isascii() for name in parts) or pack(parts) != data:
        raise BundleError("The bundle was changed after it was written, or its end is missing.")
    return parts
