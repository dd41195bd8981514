"""Shape files, changed as a stranger or a damaged disk may change them, and what must hold of each that is read."""

from __future__ import annotations

import re
from random import Random

from msgspec.structs import replace

from talkpath.apps.contract.shape import MAX_SHAPE_TEXT_BYTES
from talkpath.apps.recorded.fields import MAX_PACKET_BYTES
from talkpath.apps.recorded.played import PlayedShape
from talkpath.apps.recorded.shape_text import read_shape_text, write_shape_text
from talkpath.errors import FileError

ODD_NUMBERS = (
    *("0", "-1", "1", "7", "8", "40", "1452", "1453", "65536", "4294967296", "9223372036854775808", "1e3", "1e308"),
    *("nan", "inf", "-0.0", "0x10", "99999999999999999999999", ""),
)
ODD_WORDS = (
    *("random", "random(4)", "crc(0)", "shuffle[00 | 01]", "word(a,4)", "echo(0,64)", "part(up_hello_0,0,9)", "[", "]"),
    *("count(n,8,start=0)", "length(4,-1500,unit=8)", "date(0)", "ff" * 2000, "\u202e", "'''", "of 0", "retry 10"),
)
PLAYED_PACKETS = 20
MAX_SENTENCE_CHARACTERS = 600
MAX_MS_A_PACKET = 20_000.0


def short_shape(data: bytes) -> bytes:
    """A shape with one block of each direction and time: what is read of it is the same, in a sixth of the time."""
    record = read_shape_text(data)
    blocks = {(block.direction, block.after_ms): block for block in record.blocks}
    return write_shape_text(replace(record, blocks=tuple(blocks.values())))


def changed_shape(data: bytes, rng: Random) -> bytes:
    """A shape file in which one to eight things are others."""
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        data = _CHANGES[rng.randrange(len(_CHANGES))](data, rng)
    return data


def _number(data: bytes, rng: Random) -> bytes:
    """One number is another."""
    places = list(re.finditer(rb"\d+(\.\d+)?", data))
    place = rng.choice(places) if places else None
    return data if place is None else data[: place.start()] + rng.choice(ODD_NUMBERS).encode() + data[place.end() :]


def _near(data: bytes, rng: Random) -> bytes:
    """A size, a gap or a step in a block or a set-up is a little more or less, or twice as much."""
    places = list(re.finditer(rb"(?<=[ /])\d+(?=[ /\n.])", data))
    place = rng.choice(places) if places else None
    if place is None:
        return data
    number = int(place[0])
    near = rng.choice((max(number - 1, 0), number + 1, 2 * number, number // 2))
    return data[: place.start()] + str(near).encode() + data[place.end() :]


def _word(data: bytes, rng: Random) -> bytes:
    """A word stands where none did, or in place of one."""
    places = [place.start() for place in re.finditer(rb"[ \n]", data)]
    at = rng.choice(places) if places else 0
    until = at if rng.random() < 0.5 else rng.choice(places or [0])
    return data[:at] + b" " + rng.choice(ODD_WORDS).encode() + b" " + data[max(at, min(until, at + 40)) :]


def _lines(data: bytes, rng: Random) -> bytes:
    """A line is gone, there twice, or elsewhere."""
    lines = data.split(b"\n")
    line = lines.pop(rng.randrange(len(lines)))
    for _ in range(rng.randrange(3)):
        lines.insert(rng.randrange(len(lines) + 1), line)
    return b"\n".join(lines)


def _byte(data: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + bytes([rng.randrange(256)]) + data[at + rng.randrange(2) :]


def _name(data: bytes, rng: Random) -> bytes:
    """A name or a choice is another one of the file."""
    quoted = list(re.finditer(rb'"[^"\n]*"', data))
    if not quoted:
        return data
    one, other = rng.choice(quoted), rng.choice(quoted)
    return data[: one.start()] + other[0] + data[one.end() :]


_CHANGES = (_near, _near, _near, _number, _word, _lines, _byte, _name)


def read_changed(data: bytes) -> bool:
    """Whether such a file is still a shape; raises where reading, writing or playing it goes wrong."""
    try:
        record = read_shape_text(data)
    except FileError as error:
        if not str(error).endswith(".") or len(str(error)) > MAX_SENTENCE_CHARACTERS:
            raise AssertionError(str(error)) from error
        return False
    assert len(data) <= MAX_SHAPE_TEXT_BYTES
    try:
        again = write_shape_text(record)
    except FileError:
        return True
    assert read_shape_text(again) == record
    shape = PlayedShape(record)
    schedule = shape.schedule(Random(1), PLAYED_PACKETS)
    made = shape.datagrams(schedule, bytes(range(32)))
    assert [len(datagram) for datagram in made] == [slot.size for slot in schedule.slots]
    assert all(0 < slot.size <= MAX_PACKET_BYTES and slot.at_ms >= 0 for slot in schedule.slots)
    assert schedule.duration_ms <= MAX_MS_A_PACKET * (PLAYED_PACKETS + 10)
    assert len(schedule.slots) < 4000
    return True
