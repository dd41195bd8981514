"""Makes the shape of a call through Google's SFU from a browser's call to another: what is known of the SFU is changed.

By its two public captures (stun_google_meet__a, stun_dtls_rtp__a): the SFU has a name of 26 letters whose last 12 are
always the same, only answers checks (ICE lite, RFC 8445 section 2.5), and its client controls, nominates with each
check and begins the handshake.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from msgspec.structs import replace

from talkpath.apps.recorded.check_shape import check_shape
from talkpath.apps.recorded.fields import ConstantField, Fields, WordField
from talkpath.apps.recorded.played import mirrored_record
from talkpath.apps.recorded.record import BlockPacket, PacketKind, RecordedShape, SetupStep

NAME_LETTERS: Final = 14
NAME_TAIL: Final = b"oKAAiKAiADEA"
MORE_BYTES: Final = 24  # of a check: 22 letters more, padded, and USE-CANDIDATE
_CHECK: Final = b"\0\x01"
_CONTROLLED: Final = b"\x80\x29\0\x08"
_CONTROLLING: Final = b"\x80\x2a\0\x08"
_USE_CANDIDATE: Final = b"\0\x25\0\0"


def behind_sfu(call: RecordedShape, name: str) -> RecordedShape:
    """Return the shape of the same call, of the end that answered, through the SFU."""
    record = mirrored_record(call)
    checks = {kind.name for kind in record.kinds if _is_check(kind)}
    silent = {kind.name for kind in record.kinds if kind.name in checks and kind.direction == "down"}
    silent |= {kind.name for kind in record.kinds if kind.answers in silent}
    longer = checks - silent
    made = replace(
        record,
        name=name,
        kinds=tuple(_asked(kind) if kind.name in longer else kind for kind in record.kinds if kind.name not in silent),
        setups=tuple(tuple(_steps(setup, silent, longer)) for setup in record.setups),
        blocks=tuple(replace(block, packets=tuple(_packets(block.packets, silent, longer))) for block in record.blocks),
        origin=replace(record.origin, app="meet", notes=("names, roles and checks are those of an SFU, see the app",)),
    )
    check_shape(made)
    return made


def _is_check(kind: PacketKind) -> bool:
    first = kind.fields[0]
    return kind.stage == "stun" and isinstance(first, ConstantField) and first.data[:2] == _CHECK


def _asked(kind: PacketKind) -> PacketKind:
    """Return a check of the SFU."""
    head, transaction, _, far, colon, near, role, tie, priority, *rest = kind.fields
    assert isinstance(head, ConstantField)
    assert isinstance(far, WordField)
    assert isinstance(role, ConstantField)
    assert isinstance(priority, ConstantField)
    size = int.from_bytes(head.data[2:4], "big") + MORE_BYTES
    fields: Fields = (
        ConstantField(_CHECK + size.to_bytes(2, "big") + head.data[4:]),
        transaction,
        ConstantField(bytes((0, 6, 0, NAME_LETTERS + len(NAME_TAIL) + 5))),
        replace(far, size=NAME_LETTERS),
        ConstantField(NAME_TAIL + b":"),
        near,
        ConstantField(role.data[2:].replace(_CONTROLLED, _CONTROLLING)),
        tie,
        ConstantField(_USE_CANDIDATE + priority.data),
        *rest,
    )
    assert colon == ConstantField(b":")
    return replace(kind, fields=fields)


def _steps(setup: tuple[SetupStep, ...], silent: Collection[str], longer: Collection[str]) -> Iterator[SetupStep]:
    places: dict[int, int] = {}
    for number, step in enumerate(setup):
        if step.kind in silent:
            continue
        places[number] = len(places)
        answers = None if step.answers is None else places[step.answers]
        yield replace(step, answers=answers, size=step.size + MORE_BYTES * (step.kind in longer))


def _packets(
    packets: tuple[BlockPacket, ...], silent: Collection[str], longer: Collection[str]
) -> Iterator[BlockPacket]:
    waited_ms = 0.0
    for packet in packets:
        waited_ms += packet.gap_ms
        if packet.kind not in silent:
            size = packet.size + MORE_BYTES * (packet.kind in longer)
            yield replace(packet, gap_ms=round(waited_ms, 1), size=size)
            waited_ms = 0.0
