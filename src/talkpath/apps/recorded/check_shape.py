"""Checks what the types of a shape's record cannot say: names that are meant, sizes that fit, rates that a call has."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import isfinite
from typing import Final

from talkpath.apps.contract.shape import Direction
from talkpath.apps.recorded.fields import (
    MAX_PACKET_BYTES,
    MAX_WRITTEN_BYTES,
    ChecksumField,
    ClockField,
    DateField,
    EchoField,
    Field,
    PartField,
    PlainField,
    RandomField,
    ShuffledField,
)
from talkpath.apps.recorded.layout import fixed_bytes, has_rest, key_offset
from talkpath.apps.recorded.record import PacketBlock, PacketKind, RecordedShape, Setup
from talkpath.errors import FileError

MAX_BLOCK_BYTES_PER_MS: Final = 1000.0  # 8 Mbit/s
MAX_BURST_PACKETS: Final = 64  # that many at once, then one a millisecond

_MESSAGE_FIELDS: Final = (*PlainField.__args__, DateField, ShuffledField)


def check_shape(shape: RecordedShape) -> None:
    """Raise `FileError` with what is wrong, in one sentence."""
    _ShapeCheck(shape).check()


def align_size(kind: PacketKind, size: int) -> int:
    """Return the size of a packet of that kind on the wire: with the zeros that fill it up."""
    return size + -size % kind.align


class _ShapeCheck:
    def __init__(self, shape: RecordedShape) -> None:
        self._shape = shape
        self._kinds = {kind.name: kind for kind in shape.kinds}
        self._messages: dict[str, Sequence[Field]] = {one.name: one.fields for one in shape.messages}
        self._sized = defaultdict[Direction, set[tuple[str, int]]](set)  # kinds and sizes of blocks that were checked

    def check(self) -> None:
        """Raise `FileError` for the first thing that is wrong."""
        if not all(map(isfinite, self._times())):
            raise FileError("A time in this shape is no number.")
        _check_names(kind.name for kind in self._shape.kinds)
        _check_names(message.name for message in self._shape.messages)
        for message in self._shape.messages:
            is_whole = not has_rest(message.fields) and fixed_bytes(message.fields) <= MAX_WRITTEN_BYTES
            if not is_whole or not all(isinstance(field, _MESSAGE_FIELDS) for field in message.fields):
                raise FileError(f"The message {message.name} changes with each packet, or is longer than any.")
        for kind in self._shape.kinds:
            self._check_kind(kind)
        for setup in self._shape.setups:
            self._check_setup(setup)
        for block in self._shape.blocks:
            self._check_block(block)
        for direction in ("up", "down"):
            self._check_direction([block for block in self._shape.blocks if block.direction == direction])

    def _times(self) -> Iterator[float]:
        yield from (self._shape.media_ms, self._shape.origin.seconds)
        yield from (ms for setup in self._shape.setups for step in setup for ms in (step.at_ms, *step.retry_ms))
        yield from (packet.gap_ms for block in self._shape.blocks for packet in block.packets)
        yield from (
            field.per_ms for kind in self._shape.kinds for field in kind.fields if isinstance(field, ClockField)
        )

    def _check_kind(self, kind: PacketKind) -> None:
        rests = [field for field in kind.fields if isinstance(field, RandomField) and field.size is None]
        if len(rests) > 1 or fixed_bytes(kind.fields) > MAX_PACKET_BYTES:
            raise FileError(f"The bytes of {kind.name} fill more than a packet.")
        for field in kind.fields:
            if isinstance(field, ShuffledField):
                raise FileError(f"The bytes of {kind.name} shuffle parts, which only a message does.")
            if isinstance(field, PartField):
                whole = fixed_bytes(self._messages.get(field.message, ()))
                if not field.start < field.end <= whole:
                    raise FileError(f"The bytes of {kind.name} are part of a message that is not so long.")
            if isinstance(field, ChecksumField) and (
                field is not kind.fields[-1] or (kind.align > 1 and has_rest(kind.fields))
            ):
                raise FileError(f"The check sum of {kind.name} is not the end of the packet.")
        if kind.answers is not None:
            self._check_answer(kind)

    def _check_answer(self, kind: PacketKind) -> None:
        asked = self._kinds.get(kind.answers or "")
        if asked is None or asked.direction == kind.direction or asked.answers is not None:
            raise FileError(f"{kind.name} answers no request of the other end.")
        if has_rest(kind.fields):
            raise FileError(f"{kind.name} is an answer without a size.")
        self._check_size(kind, fixed_bytes(kind.fields), answer=True)
        _check_echoes(kind, fixed_bytes(asked.fields))

    def _check_size(self, kind: PacketKind, size: int, *, answer: bool = False, once: bool = False) -> None:
        least = fixed_bytes(kind.fields)
        most = MAX_PACKET_BYTES if has_rest(kind.fields) else least
        if not least <= size <= most or align_size(kind, size) > MAX_PACKET_BYTES:
            raise FileError(f"A packet of {kind.name} cannot have {size} bytes.")
        if any(isinstance(field, ChecksumField) and field.start > size - 28 for field in kind.fields):
            raise FileError(f"The check sum of {kind.name} begins behind its message.")
        if key_offset(kind.fields, size, self._messages, answer=answer, once=once) is None:
            raise FileError(f"Nothing tells packets of {kind.name} apart: they have too few random bytes.")

    def _check_setup(self, setup: Setup) -> None:
        for number, step in enumerate(setup):
            kind = self._kind(step.kind)
            if kind.stage == "media":
                raise FileError(f"{kind.name} is media and stands in a set-up.")
            once = sum(other.kind == step.kind for other in setup) == 1
            self._check_size(kind, step.size, answer=step.answers is not None, once=once)
            if step.answers is None:
                continue
            if step.answers >= number or setup[step.answers].at_ms > step.at_ms or step.retry_ms:
                raise FileError(f"Step {number} of a set-up answers none that came before it.")
            asked = setup[step.answers]
            if self._kind(asked.kind).direction == kind.direction:
                raise FileError(f"Step {number} of a set-up answers its own end.")
            _check_echoes(kind, asked.size)

    def _check_block(self, block: PacketBlock) -> None:
        for name, size in {(packet.kind, packet.size) for packet in block.packets} - self._sized[block.direction]:
            kind = self._kind(name)
            if kind.direction != block.direction or kind.answers:
                raise FileError(f"{kind.name} stands in a block where it does not belong.")
            self._check_size(kind, size)
            self._sized[block.direction].add((name, size))
        lasts_ms = sum(packet.gap_ms for packet in block.packets)
        if len(block.packets) > MAX_BURST_PACKETS + lasts_ms:
            raise FileError("A block sends more packets than a call does.")
        if sum(packet.size for packet in block.packets) > MAX_BLOCK_BYTES_PER_MS * (MAX_BURST_PACKETS + lasts_ms):
            raise FileError("A block sends more bytes than a call does.")

    def _check_direction(self, blocks: list[PacketBlock]) -> None:
        steady_ms = max((block.after_ms for block in blocks), default=0)
        steady = [packet for block in blocks if block.after_ms == steady_ms for packet in block.packets]
        if not any(self._kinds[packet.kind].stage == "media" for packet in steady):
            raise FileError("One end sends no media for most of the call; record a call in which both ends speak.")
        if min(block.after_ms for block in blocks):
            raise FileError("One direction has no packets to begin with.")
        for after_ms in {block.after_ms for block in blocks}:
            packets = [packet for block in blocks if block.after_ms == after_ms for packet in block.packets]
            is_played_once = after_ms < steady_ms  # its first packet need not wait
            if is_played_once + sum(packet.gap_ms for packet in packets) < len(packets):
                raise FileError("The blocks of one direction send more than a packet a millisecond.")

    def _kind(self, name: str) -> PacketKind:
        if name not in self._kinds:
            raise FileError(f"There is no kind of packet named {name}.")
        return self._kinds[name]


def _check_names(names: Iterable[str]) -> None:
    for name, times in Counter(names).items():
        if times > 1:
            raise FileError(f"Two parts of a shape are named {name}.")


def _check_echoes(kind: PacketKind, asked_bytes: int) -> None:
    for field in kind.fields:
        if isinstance(field, EchoField) and field.at + field.size > asked_bytes:
            raise FileError(f"{kind.name} repeats bytes that its request does not have.")
