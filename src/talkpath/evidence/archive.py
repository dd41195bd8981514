"""Writes and reads a canonical zip: one that can be written in one way only (PKZIP APPNOTE 6.3.10).

Contract: stored entries without comments, extra fields or dates, one after the other, then the directory (APPNOTE
sections 4.3.7, 4.3.12, 4.3.16). `unpack_archive` builds the file again from its parts and compares: any other byte
anywhere is a `BundleError`. Any zip program opens the file; the format is written out here because what a library
writes may change with its version.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

from talkpath.errors import BundleError

LOCAL, ENTRY, END = 0x04034B50, 0x02014B50, 0x06054B50
DOS_FIRST_DAY = 0x0021  # 1980-01-01, the zip's own first
PLAIN_FILE = 0o100644 << 16
MOST_PARTS = 16
CHANGED = "The bundle was changed after it was written, or its end is missing."
HEAD, IN_DIRECTORY, TAIL = struct.Struct("<I5H3I2H"), struct.Struct("<I2B5H3I5H2I"), struct.Struct("<I4H2IH")


def pack_archive(parts: Mapping[str, bytes]) -> bytes:
    """Build the file from its parts, in the order given; names are ASCII."""
    out, directory = bytearray(), bytearray()
    for text, data in parts.items():
        name = text.encode("ascii")
        header = _local_header(name, data)
        directory += _directory_entry(header, name, len(out))
        out += HEAD.pack(*header) + name + data
    return bytes(out) + _end_record(len(parts), directory, len(out))


def unpack_archive(data: bytes) -> dict[str, bytes]:
    """Split the file into its parts (name -> bytes, in order); `BundleError` unless it is canonical."""
    parts: dict[str, bytes] = {}
    directory, at = bytearray(), 0
    while len(data) >= at + HEAD.size and len(parts) < MOST_PARTS:
        head = HEAD.unpack_from(data, at)
        if head[0] != LOCAL:
            break
        *_, size, name_size, _ = head
        begin = at + HEAD.size + name_size
        name, part = data[begin - name_size : begin], data[begin : begin + size]
        text = name.decode("latin-1")
        if head != _local_header(name, part) or text in parts or not name.isascii():
            raise BundleError(CHANGED)
        parts[text] = part
        directory += _directory_entry(head, name, at)
        at = begin + size
    if not parts:
        raise BundleError("The file is no talkpath bundle, or its beginning is damaged.")
    if data[at:] != _end_record(len(parts), directory, at):
        raise BundleError(CHANGED)
    return parts


def _local_header(name: bytes, data: bytes) -> tuple[int, ...]:
    """The fields of the local file header (HEAD) of a part."""
    return LOCAL, 20, 0, 0, 0, DOS_FIRST_DAY, zlib.crc32(data), len(data), len(data), len(name), 0


def _directory_entry(header: tuple[int, ...], name: bytes, at: int) -> bytes:
    """The directory's entry for a part whose local header is at that offset."""
    return IN_DIRECTORY.pack(ENTRY, 20, 3, *header[1:], 0, 0, 0, PLAIN_FILE, at) + name


def _end_record(count: int, directory: bytearray, size: int) -> bytes:
    """The directory and the end record."""
    return bytes(directory) + TAIL.pack(END, 0, 0, count, count, len(directory), size, 0)
