"""The shape of a call that was made from recordings: all that `check --like` needs, and nothing of the call itself.

A shape is one flow of UDP: a set-up (one of those that were recorded), then in each direction packets drawn by blocks.
"up" is what the end that called sent. Kinds of packets say the bytes (`fields`), blocks say which kinds, sizes and gaps
follow each other.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from talkpath.apps.contract.shape import Direction
from talkpath.apps.recorded.fields import MAX_PACKET_BYTES, FieldName, Fields
from talkpath.wire.control.question import PacketStage

MIN_PACKET_BYTES: Final = 8
MAX_SHAPE_KINDS: Final = 96
MAX_BLOCK_PACKETS: Final = 400

RecordedMedium = Literal["voice", "video"]
Told = Literal["protocol", "recordings", "one"]
"""How the parts of a kind were told apart: by a known protocol, by what is the same in several recordings, or by what
is the same in one alone, where only short marks are kept."""

PacketBytes = Annotated[int, Meta(ge=MIN_PACKET_BYTES, le=MAX_PACKET_BYTES)]
ShortText = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9 .,:+_/()-]{0,79}(?!\n)$")]
ShapeName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,29}(?!\n)$")]
Count = Annotated[int, Meta(ge=0, le=1 << 40)]


class _Strict(Struct, frozen=True, forbid_unknown_fields=True):
    pass


class PacketKind(_Strict, frozen=True, kw_only=True):
    """One kind of packet: who sends it, when, and its bytes.

    `answers` names the kind of the other direction that it replies to: it is in no block, and leaves when that one
    arrives. Its size is that of its fields, which then have no `random` without a size. `align`: the packet is filled
    with zeros to a multiple of that. `packets` were seen in so many `recordings`.
    """

    name: FieldName
    direction: Direction
    stage: PacketStage
    fields: Fields
    answers: FieldName | None = None
    align: Literal[1, 2, 4, 8] = 1
    told: Told = "protocol"
    packets: Count = 0
    recordings: Count = 0


class WrittenMessage(_Strict, frozen=True, kw_only=True):
    """Bytes that are written once in a flow and sent in parts (`PartField`): a hello in two datagrams."""

    name: FieldName
    fields: Fields


class SetupStep(_Strict, frozen=True, kw_only=True):
    """One packet of a set-up.

    `answers` is the number of an earlier step whose arrival lets it go; `at_ms` is then when it is due on a path
    without delay, 0 to 2000 ms after the flow's start. `retry_ms`: without an answer the same bytes leave again so many
    ms after the first try.
    """

    kind: FieldName
    at_ms: Annotated[float, Meta(ge=0.0, le=2000.0)]
    size: PacketBytes
    answers: Annotated[int, Meta(ge=0, le=63)] | None = None
    retry_ms: Annotated[tuple[Annotated[float, Meta(ge=10, le=2000)], ...], Meta(max_length=2)] = ()


Setup = Annotated[tuple[SetupStep, ...], Meta(max_length=64)]


class BlockPacket(Struct, frozen=True):
    """One packet of a block: `gap_ms` after the one before it (in a block's first packet: after the last of the block
    before). `size` is without the zeros of `align`. `step` is what the kind's `SteppedField` grows by."""

    kind: FieldName
    gap_ms: Annotated[float, Meta(ge=0.0, le=10_000.0)]
    size: PacketBytes
    step: Annotated[int, Meta(ge=0, lt=1 << 32)] = 0


class PacketBlock(_Strict, frozen=True, kw_only=True):
    """Consecutive packets of one direction as one recording had them.

    `after_ms`: how long the media had lasted. A player draws the next block among those of the direction with the
    highest `after_ms` that is not above the time since its media began; those with the highest of all are steady state.
    What is not media is `control` in a block, whatever its stage in a set-up.
    """

    direction: Direction
    after_ms: Annotated[int, Meta(ge=0, le=60_000)]
    packets: Annotated[tuple[BlockPacket, ...], Meta(min_length=1, max_length=MAX_BLOCK_PACKETS)]


class ShapeOrigin(_Strict, frozen=True, kw_only=True):
    """Where a shape comes from. `app` is what `capture` took the calls for. `left_out` is packets that are in no kind,
    as nothing tells them apart, and `notes` says of them and of others why."""

    app: ShortText = "unknown"
    engine: ShortText = "unknown"
    version: ShortText = "unknown"
    day: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}(?!\n)$|^(?!\n)$")] = ""
    recordings: Annotated[int, Meta(ge=1, le=1000)] = 1
    packets: Count = 0
    seconds: Annotated[float, Meta(ge=0.0, le=1e9)] = 0.0
    left_out: Count = 0
    notes: Annotated[tuple[ShortText, ...], Meta(max_length=16)] = ()


class RecordedShape(_Strict, frozen=True, kw_only=True):
    """A whole shape; `read_shape_text` also checks what types cannot say (`check_shape`)."""

    format: Literal[1] = 1
    name: ShapeName
    medium: RecordedMedium
    origin: ShapeOrigin
    kinds: Annotated[tuple[PacketKind, ...], Meta(min_length=1, max_length=MAX_SHAPE_KINDS)]
    messages: Annotated[tuple[WrittenMessage, ...], Meta(max_length=32)] = ()
    setups: Annotated[tuple[Setup, ...], Meta(max_length=16)] = ()
    blocks: Annotated[tuple[PacketBlock, ...], Meta(min_length=2, max_length=256)]
    media_ms: Annotated[float, Meta(ge=0.0, le=3000.0)] = 200.0
