"""Reads and writes one line of a segment: CRC-32 in hex, the record's number, the record as JSON.

    8c736521 17 {"type":"tap", …}

Numbers grow by one from line to line over all segments. The CRC is over all that follows it on the line: a line that
was cut short by a crash, or changed on the disk, is known by it.

No new line is longer than MOST_LINE_BYTES: a record is a summary, and the bundle beside it has the rest.
"""

from __future__ import annotations

import zlib

import msgspec

from talkpath.errors import WireError
from talkpath.observatory.log.append import LogError
from talkpath.observatory.log.records import Record, decode_record, encode_record

CRC_CHARACTERS = 8
MAX_LOG_LINE_BYTES = 16 << 10


def encode_new_line(number: int, record: Record) -> bytes:
    """The line of a new record, with its end; `LogError` for a record that is larger than a line may be."""
    line = encode_line(number, record)
    if len(line) > MAX_LOG_LINE_BYTES:
        raise LogError("A record is larger than a line of the log may be; it was not written.")
    return line


def encode_line(number: int, record: Record) -> bytes:
    """The line of a record that is in the log already, with its end."""
    body = b"%d %b" % (number, encode_record(record))
    return b"%08x %b\n" % (zlib.crc32(body), body)


def line_number(line: bytes) -> int | None:
    """The number of a line that is whole; None for one that is not."""
    crc, _, body = line.removesuffix(b"\n").partition(b" ")
    number = body.partition(b" ")[0]
    whole = line.endswith(b"\n") and len(crc) == CRC_CHARACTERS and number.isdigit()
    return int(number) if whole and crc == b"%08x" % zlib.crc32(body) else None


def decode_line(line: bytes) -> tuple[int, Record]:
    """(number, record); `WireError` for a line that is not whole, or of a newer talkpath."""
    number = line_number(line)
    if number is None:
        raise WireError("a line of the log is damaged")
    try:
        return number, decode_record(line.split(b" ", 2)[2])
    except msgspec.MsgspecError:
        raise WireError("a line of the log is no record that this talkpath reads") from None
