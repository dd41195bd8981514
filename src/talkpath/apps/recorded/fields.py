"""Parts of a packet's bytes, in the order of the wire.

A field that has a `name` has one state in a flow: two kinds of packets that count under one name share the count.
All sizes are bytes. Integers are big-endian unless `little`.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

MAX_PACKET_BYTES: Final = 1452
"""UDP payload that usual paths (1500 bytes) carry over IPv6 in one packet. A larger one comes in fragments, each with a
header: in answer to as many bytes of smaller packets it would be more on the wire (responder/flight.py)."""
MAX_PACKET_FIELDS: Final = 256
MAX_WRITTEN_BYTES: Final = 8 * MAX_PACKET_BYTES  # of a message that each flow writes anew

FieldBytes = Annotated[int, Meta(ge=1, le=MAX_PACKET_BYTES)]
NumberBytes = Annotated[int, Meta(ge=1, le=8)]
FieldName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,19}(?!\n)$")]
PacketOffset = Annotated[int, Meta(ge=0, le=MAX_PACKET_BYTES)]
Alphabet = Literal["bytes", "letters", "hexdigits", "digits"]
"""`letters` are those of base64 (ufrags of libwebrtc), `hexdigits` those of 0 to f, as text."""


class _Field(Struct, frozen=True, tag=True):
    pass


class ConstantField(_Field, frozen=True):
    """Bytes that are the same in every packet of the kind."""

    data: Annotated[bytes, Meta(min_length=1, max_length=MAX_PACKET_BYTES)]


class RandomField(_Field, frozen=True):
    """Bytes that are random in every packet. Without `size`: all that the others leave, in one field at most."""

    size: FieldBytes | None = None
    alphabet: Alphabet = "bytes"


class BitsField(_Field, frozen=True):
    """One byte: the bits of `mask` are random in every packet, the others are those of `fixed`."""

    fixed: Annotated[int, Meta(ge=0, le=255)]
    mask: Annotated[int, Meta(ge=1, le=255)]


class WordField(_Field, frozen=True):
    """A value that is random for each flow and the same wherever its name stands: an SSRC, a ufrag, a tag."""

    name: FieldName
    size: Annotated[int, Meta(ge=1, le=256)]
    alphabet: Alphabet = "bytes"


class CounterField(_Field, frozen=True):
    """A number that grows by `step` with each packet that has it, from `start`, or from a random number whose highest
    bit is clear."""

    name: FieldName
    size: NumberBytes
    start: Annotated[int, Meta(ge=0, lt=1 << 62)] | None = None
    step: Annotated[int, Meta(ge=1, le=65_535)] = 1
    little: bool = False


class SteppedField(_Field, frozen=True):
    """A number that starts at random and grows by the step of each packet's `BlockPacket`: an RTP timestamp."""

    name: FieldName
    size: NumberBytes
    little: bool = False


class ClockField(_Field, frozen=True):
    """The sending time in ticks of `per_ms`, from a random number on."""

    name: FieldName
    size: NumberBytes
    per_ms: Annotated[float, Meta(gt=0, le=5e6)]
    little: bool = False


class LengthField(_Field, frozen=True):
    """(The packet's size without its padding + `plus`) // `unit`."""

    size: Annotated[int, Meta(ge=1, le=4)]
    plus: Annotated[int, Meta(ge=-MAX_PACKET_BYTES, le=MAX_PACKET_BYTES)] = 0
    unit: Annotated[int, Meta(ge=1, le=8)] = 1
    little: bool = False


class EchoField(_Field, frozen=True):
    """The bytes that the packet which this one answers has at `at`: a transaction id. Random in a packet that answers
    none."""

    at: PacketOffset
    size: Annotated[int, Meta(ge=1, le=64)]


class ChecksumField(_Field, frozen=True):
    """STUN's FINGERPRINT (RFC 8489 section 14.7) over the message that begins at `start`: type, length and value, the
    last 8 bytes of a packet."""

    start: PacketOffset = 0


class DateField(_Field, frozen=True):
    """A UTCTime of a certificate, 13 bytes: `days` after a day that is random for each flow."""

    days: Annotated[int, Meta(ge=0, le=10_000)] = 0


class PartField(_Field, frozen=True):
    """The bytes from `start` to `end` of a message that is written once in a flow: a hello in two datagrams."""

    message: FieldName
    start: Annotated[int, Meta(ge=0, le=MAX_WRITTEN_BYTES)]
    end: Annotated[int, Meta(ge=1, le=MAX_WRITTEN_BYTES)]


class ShuffledField(_Field, frozen=True):
    """Groups of fields whose order is random for each flow: extensions of a hello. Only within messages and set-ups."""

    groups: Annotated[tuple[tuple[PlainField, ...], ...], Meta(min_length=2, max_length=32)]


PlainField = ConstantField | RandomField | BitsField | WordField
Field = (
    PlainField
    | CounterField
    | SteppedField
    | ClockField
    | LengthField
    | EchoField
    | ChecksumField
    | DateField
    | PartField
    | ShuffledField
)
Fields = Annotated[tuple[Field, ...], Meta(min_length=1, max_length=MAX_PACKET_FIELDS)]

CHECKSUM_BYTES: Final = 8
DATE_BYTES: Final = 13


def field_bytes(field: Field) -> int:
    """Return how many bytes a field takes; 0 for the one that takes what is left."""
    match field:
        case ConstantField():
            return len(field.data)
        case BitsField():
            return 1
        case ChecksumField():
            return CHECKSUM_BYTES
        case DateField():
            return DATE_BYTES
        case PartField():
            return field.end - field.start
        case ShuffledField():
            return sum(field_bytes(inner) for group in field.groups for inner in group)
        case RandomField():
            return field.size or 0
    return field.size
