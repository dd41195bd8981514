"""One line of a segment: CRC-32 in hex, the record's number, the record as JSON.

    8c736521 17 {"type":"tap", …}

Numbers grow by one from line to line over all segments. The CRC is over all that follows it on the line: a line that
was cut short by a crash, or rotted on the disk, is known by it.
"""

from __future__ import annotations

import zlib

import msgspec

from talkpath.errors import WireError
from talkpath.observatory.log.records import Record, decode, encode

CRC_CHARACTERS = 8


def write_line(number: int, record: Record) -> bytes:
    """With its end."""
    body = b"%d %b" % (number, encode(record))
    return b"%08x %b\n" % (zlib.crc32(body), body)


def line_number(line: bytes) -> int | None:
    """The number of a line that is whole; None for one that is not."""
    crc, _, body = line.removesuffix(b"\n").partition(b" ")
    number = body.partition(b" ")[0]
    whole = line.endswith(b"\n") and len(crc) == CRC_CHARACTERS and number.isdigit()
    return int(number) if whole and crc == b"%08x" % zlib.crc32(body) else None


def read_line(line: bytes) -> tuple[int, Record]:
    """(number, record); `WireError` for a line that is not whole, or of a newer talkpath."""
    number = line_number(line)
    if number is None:
        raise WireError("a line of the log is damaged")
    try:
        return number, decode(line.split(b" ", 2)[2])
    except msgspec.MsgspecError:
        raise WireError("a line of the log is no record that this talkpath reads") from None
