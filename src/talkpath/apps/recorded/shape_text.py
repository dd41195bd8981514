"""The file of a shape (`.shape`): a page of TOML that a person can read; read, written, and its digest.

It has at most 64 kB, and 100 dots a line.

    [[kind]]                                          [[setup]]
    name = "voice_up"                                 steps = '''
    bytes = "906f count(…) … random"                  check_up 0/100 retry 50 100
                                                      answer_down 30/64 of 0 …'''
    [[block]]
    direction = "up"
    packets = "voice_up 60.1/149/2880 59.9/197 feedback_up 12.3/42 …"

A packet of a block is GAP_MS/BYTES, with /STEP where it is not that of the packet of its kind before it; a kind holds
until another is named. A step of a set-up is KIND AT_MS/BYTES, `of` the number of the step (from 0) that it answers.
"""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from talkpath.apps.contract.shape import MAX_SHAPE_TEXT_BYTES
from talkpath.apps.recorded.check_shape import check_shape
from talkpath.apps.recorded.field_text import fields_of_text, fields_to_text
from talkpath.apps.recorded.record import (
    BlockPacket,
    PacketKind,
    RecordedShape,
    SetupStep,
)
from talkpath.errors import FileError
from talkpath.wire.toml_text import decode_bounded_toml

_LINE: Final = 116
_shapes = msgspec.json.Decoder(RecordedShape)
"""Prepares the type while one thread runs: msgspec ends the process where two prepare it at once."""

_PARTS: Final = {"kind": "kinds", "message": "messages", "setup": "setups", "block": "blocks"}
"""The tables of a file, and where the record has them."""


def is_shape_text(data: bytes) -> bool:
    """Whether a file is text, as a shape is; captures and packed files have zeros and the like in their first bytes."""
    return bool(data) and all(byte >= 0x20 or byte in b"\n\r\t" for byte in data[:64])


def read_shape_text(data: bytes) -> RecordedShape:
    """Return the shape that a file describes. `FileError` where it is no such file, with what is wrong."""
    if len(data) > MAX_SHAPE_TEXT_BYTES:
        raise FileError(f"A shape has at most {MAX_SHAPE_TEXT_BYTES >> 10} kB.")
    try:
        shape = msgspec.convert(_record_of_text(decode_bounded_toml(data)), _shapes.type)
    except msgspec.ValidationError as error:
        raise FileError(f"This is no shape of a call: {error}.") from None
    except (ValueError, RecursionError):
        raise FileError("This is neither a recording of packets (pcap, pcapng) nor a shape of a call.") from None
    # Times are those that are written: both ends must play the same.
    origin = replace(shape.origin, seconds=round(shape.origin.seconds, 1))
    shape = replace(shape, origin=origin, media_ms=round(shape.media_ms, 1))
    check_shape(shape)
    return shape


def _record_of_text(file: dict[str, Any]) -> dict[str, Any]:
    """Return what a file says in the form of the record, whose types have the bounds."""
    tables = {name: file.pop(name, []) for name in _PARTS}
    rows = [row for table in tables.values() for row in (table if isinstance(table, list) else [None])]
    if not all(isinstance(row, dict) for row in rows) or file.keys() & {*_PARTS.values()}:
        raise FileError("This is no shape of a call: its kinds, messages, set-ups or blocks are no tables.")
    for row in (*tables["kind"], *tables["message"]):
        row["fields"] = fields_of_text(_take_text(row, "bytes"))
    for row in tables["setup"]:
        row["steps"] = [_read_step(line.split()) for line in _take_text(row, "steps").splitlines() if line.strip()]
    for row in tables["block"]:
        row["packets"] = [*_read_packets(_take_text(row, "packets"))]
    setups = [row["steps"] if row.keys() == {"steps"} else row for row in tables["setup"]]
    parts = {_PARTS[name]: table for name, table in (tables | {"setup": setups}).items()}
    whole: dict[str, Any] = msgspec.to_builtins(file | parts)
    return whole


def _take_text(row: dict[str, Any], name: str) -> str:
    """Take a text out of a row of a table."""
    text = row.pop(name, None)
    if not isinstance(text, str) or "fields" in row:
        raise FileError(f"This is no shape of a call: `{name}` is missing or no text.")
    return text


def shape_digest(shape: RecordedShape) -> str:
    """Return the SHA-256, in hex, of a shape's text as `write_shape_text` lays it out."""
    return hashlib.sha256(write_shape_text(shape)).hexdigest()


def _read_step(words: list[str]) -> SetupStep:
    try:
        kind, numbers, *rest = words
        at_ms, size = numbers.split("/")
        word, *more = rest or ["retry"]
        answers = int(*more) if word == "of" else None
        retry_ms = tuple(round(float(ms), 1) for ms in more) if word == "retry" else ()
        if word not in ("of", "retry"):
            raise ValueError(word)
        return SetupStep(kind=kind, at_ms=round(float(at_ms), 1), size=int(size), answers=answers, retry_ms=retry_ms)
    except (ValueError, TypeError, OverflowError):
        raise FileError("A step of a set-up is not KIND AT_MS/BYTES, of STEP or retry MS MS.") from None


def _read_packets(text: str) -> Iterator[BlockPacket]:
    kind, steps = "", dict[str, int]()
    for word in text.split():
        if "/" not in word:
            kind = word
            continue
        try:
            gap_ms, size, *step = word.split("/", 2)
            if step:
                steps[kind] = int(step[0])
            yield BlockPacket(kind, round(float(gap_ms), 1), int(size), steps.get(kind, 0))
        except (ValueError, OverflowError):
            raise FileError("A packet of a block is not GAP_MS/BYTES or GAP_MS/BYTES/STEP.") from None


def write_shape_text(shape: RecordedShape) -> bytes:
    """Return the file of a shape. `FileError` where it would be larger than may be read."""
    data = "\n".join(_shape_lines(shape)).encode() + b"\n"
    if len(data) > MAX_SHAPE_TEXT_BYTES:
        raise FileError(f"This shape takes more than {MAX_SHAPE_TEXT_BYTES >> 10} kB.")
    return data


def _shape_lines(shape: RecordedShape) -> Iterator[str]:
    yield f"format = {shape.format}"
    yield f'name = "{shape.name}"'
    yield f'medium = "{shape.medium}"'
    yield f"media_ms = {shape.media_ms:.1f}"
    yield "\n[origin]"
    origin = shape.origin
    for key in ("app", "engine", "version", "day"):
        yield f'{key} = "{getattr(origin, key)}"'
    yield f"recordings = {origin.recordings}\npackets = {origin.packets}\nseconds = {origin.seconds:.1f}"
    yield f"left_out = {origin.left_out}"
    notes = ", ".join(f'"{note}"' for note in origin.notes)
    yield f"notes = [{notes}]"
    for message in shape.messages:
        yield f'\n[[message]]\nname = "{message.name}"'
        yield _text_value("bytes", [fields_to_text(message.fields)])
    for kind in shape.kinds:
        yield from _kind_lines(kind)
    for setup in shape.setups:
        yield "\n[[setup]]\nsteps = '''"
        yield from map(_step_line, setup)
        yield "'''"
    for block in shape.blocks:
        yield f'\n[[block]]\ndirection = "{block.direction}"\nafter_ms = {block.after_ms}'
        yield _text_value("packets", _packet_words(block.packets))


def _kind_lines(kind: PacketKind) -> Iterator[str]:
    yield f'\n[[kind]]\nname = "{kind.name}"\ndirection = "{kind.direction}"\nstage = "{kind.stage}"'
    if kind.answers is not None:
        yield f'answers = "{kind.answers}"'
    if kind.align != 1:
        yield f"align = {kind.align}"
    yield f'told = "{kind.told}"\npackets = {kind.packets}\nrecordings = {kind.recordings}'
    yield _text_value("bytes", [fields_to_text(kind.fields)])


def _step_line(step: SetupStep) -> str:
    tail = "" if step.answers is None else f" of {step.answers}"
    tail += " retry " + " ".join(map(_number, step.retry_ms)) if step.retry_ms else ""
    return f"{step.kind} {_number(step.at_ms)}/{step.size}{tail}"


def _packet_words(packets: Iterable[BlockPacket]) -> Iterator[str]:
    kind, steps = "", dict[str, int]()
    for packet in packets:
        if packet.kind != kind:
            kind = packet.kind
            yield kind
        word = f"{_number(packet.gap_ms)}/{packet.size}"
        if packet.step != steps.get(kind, 0):
            steps[kind] = packet.step
            word += f"/{packet.step}"
        yield word


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _text_value(key: str, words: Iterable[str]) -> str:
    lines = textwrap.wrap(" ".join(words), _LINE, break_long_words=False, break_on_hyphens=False)
    return f"{key} = '''\n" + "\n".join(lines) + "'''"
