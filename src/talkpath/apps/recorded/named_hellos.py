"""Calls of a recorded shape with another DTLS hello, or from the other end: contrasts that name what a filter hits.

`data/hellos.toml` has the hellos and how the handshake goes on. A code is MAKER, MAKER/DIRECTION or
MAKER/DIRECTION/cookie: who wrote it ("own": as recorded), which way it is sent (as recorded where none is said), and
whether the server asks for a cookie first (HelloVerifyRequest, RFC 6347 section 4.2.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from talkpath.apps.contract.shape import OTHER_DIRECTION, Direction, Schedule
from talkpath.apps.recorded.field_text import fields_of_text
from talkpath.apps.recorded.fields import ConstantField, Field, PartField, WordField
from talkpath.apps.recorded.layout import fixed_bytes
from talkpath.apps.recorded.record import PacketKind, RecordedShape, Setup, SetupStep, WrittenMessage

OWN_HELLO: Final = "own"
COOKIE_AT: Final = 35  # of a ClientHello: behind the version, 32 random bytes and an empty session id
HELLO_COOKIE_BYTES: Final = 20
VERIFY_REQUEST: Final = bytes.fromhex("16feff00000000000000000023030000170000000000000017feff14")
STEP_MS: Final = 1.0
_MARK: Final = "@"  # of kinds that no file has

_Fields = tuple[Field, ...]


class NamedHello(Struct, frozen=True, forbid_unknown_fields=True):
    """A ClientHello; see data/hellos.toml."""

    name: str
    source: str
    record: str
    handshake: str
    parts: tuple[int, ...]
    bytes: str


class HandshakeTurn(Struct, frozen=True, forbid_unknown_fields=True):
    """What one end sends of a handshake after the hello."""

    version: str
    sender: Literal["client", "server"]
    datagrams: tuple[str, ...]


class _HelloFile(Struct, frozen=True, forbid_unknown_fields=True):
    hello: tuple[NamedHello, ...]
    handshake: tuple[HandshakeTurn, ...]


@cache
def _hello_file() -> _HelloFile:
    return msgspec.toml.decode(Path(__file__).with_name("data").joinpath("hellos.toml").read_bytes(), type=_HelloFile)


@cache
def named_hellos() -> dict[str, NamedHello]:
    """Return the hellos by their name."""
    return {hello.name: hello for hello in _hello_file().hello}


def hello_code(schedule: Schedule) -> str:
    """Return the code of the hello that a schedule was drawn with, "" where it is the recorded one."""
    marked = (slot.kind for slot in schedule.slots if slot.kind.startswith(_MARK))
    return next((kind[len(_MARK) :].partition("#")[0] for kind in marked), "")


def with_hello(shape: RecordedShape, code: str) -> RecordedShape:
    """Return the shape with that hello; the same one where it has no DTLS in the clear, or the code names none."""
    maker, asked, cookie = [*code.split("/"), "", ""][:3]
    own = {kind.name: kind for kind in shape.kinds if kind.stage == "dtls"}
    hello = next((kind for kind in own.values() if _is_hello(kind)), None)
    outer = {kind.direction: wrapping for kind in own.values() if (wrapping := _outer_fields(kind)) is not None}
    if hello is None or len(outer) < len(OTHER_DIRECTION) or maker not in (OWN_HELLO, *named_hellos()):
        return shape
    client: Direction = "up" if asked == "up" else "down" if asked == "down" else hello.direction
    if maker == OWN_HELLO:
        return shape if client == hello.direction else _turned_round(shape, own, outer, code)
    written = named_hellos()[maker]
    turns = list(_handshake_turns(written, with_cookie=cookie == "cookie"))
    kinds, steps = list[PacketKind](), list[SetupStep]()
    for place, (by_client, fields, answers) in enumerate(turns):
        direction = client if by_client else OTHER_DIRECTION[client]
        whole = (*outer[direction], *fields)
        name = f"{_MARK}{code}#{place}"
        kinds.append(PacketKind(name=name, direction=direction, stage="dtls", fields=whole, align=hello.align))
        steps.append(SetupStep(kind=name, at_ms=place * STEP_MS, size=fixed_bytes(whole), answers=answers))
    message = WrittenMessage(name=written.name, fields=fields_of_text(written.bytes))
    return replace(
        shape,
        kinds=(*(kind for kind in shape.kinds if kind.name not in own), *kinds),
        messages=(*(one for one in shape.messages if "hello" not in one.name), message),
        setups=tuple(_with_steps(setup, own, steps) for setup in shape.setups),
    )


def _is_hello(kind: PacketKind) -> bool:
    record = next((field.data for field in kind.fields if isinstance(field, ConstantField)), b"")
    return record[:2] == b"\x16\xfe" and record[13:14] == b"\x01"


def _outer_fields(kind: PacketKind) -> _Fields | None:
    """Return what stands in front of a DTLS record: a reflector's frame, a channel's, nothing. None: no record."""
    for place, field in enumerate(kind.fields):
        if isinstance(field, ConstantField) and 20 <= field.data[0] < 64:  # RFC 7983
            return kind.fields[:place]
    return None


def _turned_round(
    shape: RecordedShape, own: Mapping[str, PacketKind], outer: Mapping[Direction, _Fields], code: str
) -> RecordedShape:
    """Return the shape with its own handshake the other way round."""

    def turn(kind: PacketKind) -> PacketKind:
        direction = OTHER_DIRECTION[kind.direction]
        fields = (*outer[direction], *kind.fields[len(_outer_fields(kind) or ()) :])
        return replace(kind, name=f"{_MARK}{code}#{kind.name}", direction=direction, fields=fields)

    turned = {name: turn(kind) for name, kind in own.items()}
    setups = (
        tuple(replace(step, kind=turned[step.kind].name) if step.kind in turned else step for step in setup)
        for setup in shape.setups
    )
    return replace(shape, kinds=tuple(turned.get(kind.name, kind) for kind in shape.kinds), setups=tuple(setups))


def _handshake_turns(hello: NamedHello, *, with_cookie: bool) -> Iterator[tuple[bool, _Fields, int | None]]:
    """Yield the datagrams of a handshake: whether the client sends it, its bytes, and which it answers: the first of
    the other end's last ones."""
    cookie = bytes(HELLO_COOKIE_BYTES) if with_cookie else b""
    turns: list[tuple[bool, list[_Fields]]] = [(True, list(_hello_datagrams(hello, int(with_cookie), cookie)))]
    if with_cookie:
        request = ConstantField(VERIFY_REQUEST), WordField("cookie", HELLO_COOKIE_BYTES)
        turns[:0] = (True, list(_hello_datagrams(hello, 0, b""))), (False, [request])
    for turn in _hello_file().handshake:
        if turn.version == hello.handshake:
            turns.append((turn.sender == "client", list(map(fields_of_text, turn.datagrams))))
    asked, sent = None, 0
    for by_client, datagrams in turns:
        for fields in datagrams:
            yield by_client, fields, asked
        asked, sent = sent, sent + len(datagrams)


def _hello_datagrams(hello: NamedHello, number: int, cookie: bytes) -> Iterator[_Fields]:
    """Yield the datagrams of a ClientHello, the first or the second of a flow."""
    written = fixed_bytes(fields_of_text(hello.bytes))
    whole = written + 1 + len(cookie)
    edges = [0, *hello.parts, whole]
    for place, (start, end) in enumerate(pairwise(edges)):
        record = number * (len(edges) - 1) + place
        head = bytes.fromhex(f"16{hello.record}0000{record:012x}{end - start + 12:04x}")
        head += bytes.fromhex(f"01{whole:06x}{number:04x}{start:06x}{end - start:06x}")
        less = 1 + len(cookie)
        body: _Fields = (PartField(hello.name, start - less, end - less),)
        if start == 0:
            given = (WordField("cookie", HELLO_COOKIE_BYTES),) if cookie else ()
            front = PartField(hello.name, 0, COOKIE_AT)
            body = (front, ConstantField(bytes([len(cookie)])), *given, PartField(hello.name, COOKIE_AT, end - less))
        yield ConstantField(head), *body


def _with_steps(setup: Setup, own: Mapping[str, PacketKind], steps: Sequence[SetupStep]) -> Setup:
    """Return a set-up with these steps in place of those of its own handshake and of what answers them."""
    out, kept, begun = list[SetupStep](), dict[int, int](), False
    for number, step in enumerate(setup):
        if step.kind in own and not begun:
            begun, first = True, len(out)
            for new in steps:
                answers = None if new.answers is None else first + new.answers
                out.append(replace(new, at_ms=round(step.at_ms + new.at_ms, 1), answers=answers))
        if step.kind not in own and (step.answers is None or step.answers in kept):
            kept[number] = len(out)
            out.append(replace(step, answers=None if step.answers is None else kept[step.answers]))
    return tuple(out)
