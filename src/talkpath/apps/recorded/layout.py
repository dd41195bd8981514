"""Where each field stands in a packet of some size, and where a receiver finds bytes that it knows the packet by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final

from talkpath.apps.contract.shape import KEY_BYTES, NONCE_BYTES
from talkpath.apps.recorded.fields import (
    ClockField,
    CounterField,
    EchoField,
    Field,
    PartField,
    RandomField,
    ShuffledField,
    SteppedField,
    WordField,
    field_bytes,
)

MIN_COUNTED_PACKETS: Final = 1 << 14  # before a number that tells packets apart comes again
MIN_RANDOM_BYTES: Final = 4  # without them another flow may have the same packet: see apps/contract/shape.py


def fixed_bytes(fields: Sequence[Field]) -> int:
    """Return the least size of a packet: all its fields but the one that takes what is left."""
    return sum(map(field_bytes, fields))


def has_rest(fields: Sequence[Field]) -> bool:
    """Whether one field takes what the others leave."""
    return any(isinstance(field, RandomField) and field.size is None for field in fields)


def place_fields(fields: Sequence[Field], size: int) -> list[tuple[Field, int, int]]:
    """Return each field of a packet of that size (without padding) with its start and end."""
    left = size - fixed_bytes(fields)
    widths = [field_bytes(field) or left for field in fields]
    return [(field, end - width, end) for field, width, end in zip(fields, widths, accumulate(widths), strict=True)]


def key_offset(
    fields: Sequence[Field],
    size: int,
    messages: Mapping[str, Sequence[Field]],
    *,
    answer: bool = False,
    once: bool = False,
) -> int | None:
    """Return where the `KEY_BYTES` begin that tell such packets from each other and from other flows'.

    That is 0, `KEY_BYTES`, or None where there are none. An `answer` differs from others by what it echoes; of a kind
    that is sent `once` no other need differ.
    """
    for start in (0, KEY_BYTES):
        flow = own = 0
        for field, width in _within(fields, size, start, start + KEY_BYTES, messages):
            flow += _flow_bytes(field, width)
            own += _own_bytes(field, width, answer)
        if flow >= MIN_RANDOM_BYTES and (own or once):
            return start
    return None


def _within(
    fields: Sequence[Field], size: int, start: int, end: int, messages: Mapping[str, Sequence[Field]]
) -> Iterator[tuple[Field, int]]:
    """Yield the fields that have bytes between `start` and `end`, and how many; of a message's part its own."""
    for field, first, last in place_fields(fields, size):
        width = min(last, end) - max(first, start)
        if width <= 0:
            continue
        if isinstance(field, PartField):
            inner = messages.get(field.message, ())
            at = field.start + max(first, start) - first
            yield from _within(inner, fixed_bytes(inner), at, at + width, {})
        elif isinstance(field, ShuffledField):
            yield from _within_any_order(field, max(first, start) - first, width)
        else:
            yield field, width


def _within_any_order(field: ShuffledField, start: int, width: int) -> Iterator[tuple[Field, int]]:
    """Yield what stands in these bytes in each order of the groups: of a long one, what its first and last place
    share."""
    whole = field_bytes(field)
    for group in field.groups:
        latest = whole - fixed_bytes(group)
        for inner, first, last in place_fields(group, fixed_bytes(group)):
            inside = min(last, start + width) - max(latest + first, start)
            shared = field_bytes(inner) if width == whole else inside
            if shared > 0:
                yield inner, shared


def _flow_bytes(field: Field, width: int) -> int:
    """Return how many bytes follow from the flow's key."""
    match field:
        case RandomField() | EchoField():
            return width if not isinstance(field, RandomField) or field.alphabet == "bytes" else width * 3 // 4
        case WordField():
            return width if field.alphabet == "bytes" else width // 2
        case CounterField():
            return 0 if field.start is not None else width
        case SteppedField() | ClockField():
            return width
    return 0


def _own_bytes(field: Field, width: int, answer: bool) -> bool:
    """Whether the bytes differ from those of the flow's other packets of the kind."""
    match field:
        case RandomField():
            return width >= MIN_RANDOM_BYTES
        case CounterField():
            return width == field.size and (1 << 8 * width) // (field.step & -field.step) >= MIN_COUNTED_PACKETS
        case EchoField():
            return answer and width >= MIN_RANDOM_BYTES
    return False


def nonce_offset(fields: Sequence[Field], size: int, messages: Mapping[str, Sequence[Field]]) -> int | None:
    """Return the first place (from `KEY_BYTES` on) of 8 bytes that are random in each packet, None if there is none. In
    a message that is written once they are those of a hello's random number, before anything is shuffled."""
    for field, first, last in place_fields(fields, size):
        inner = [(field, first, last)]
        if isinstance(field, PartField):
            whole = messages[field.message]
            placed = place_fields(whole, fixed_bytes(whole))
            moved = ((one, first + max(a, field.start) - field.start, first + b - field.start) for one, a, b in placed)
            inner = [(one, a, min(b, last)) for one, a, b in moved if b > a]
        for one, a, b in inner:
            start = max(a, KEY_BYTES)
            if isinstance(one, RandomField) and one.alphabet == "bytes" and b - start >= NONCE_BYTES:
                return start
    return None
