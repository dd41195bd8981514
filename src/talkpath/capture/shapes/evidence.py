"""What the packets of a flow show together: which streams of RTP there are, what the elements of their headers do, in
which letters transaction ids are written, and what a name in a shape stands for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from talkpath.apps.contract.shape import Direction
from talkpath.apps.recorded.fields import (
    Alphabet,
    BitsField,
    ClockField,
    ConstantField,
    CounterField,
    Field,
    RandomField,
    WordField,
)

BASE64_LETTERS: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
HEX_LETTERS: Final = frozenset(b"0123456789abcdef")
SEND_TIME_PER_MS: Final = 262.144  # abs-send-time: seconds in 24 bits, 18 of them fractional
NTP_PER_MS: Final = 4_294_967.296  # abs-capture-time: an NTP time of 64 bits
MIN_STREAM_PACKETS: Final = 3
MOSTLY: Final = 0.6
CLOCK_SLACK_MS: Final = 40.0

FieldPart = Field | bytes


def join_fields(parts: Iterable[FieldPart]) -> tuple[Field, ...]:
    """Return fields of these parts: bytes are constants, and constants side by side are one."""
    joined: list[Field] = []
    for part in parts:
        if isinstance(part, ConstantField):
            part = part.data
        if not isinstance(part, bytes):
            joined.append(part)
        elif part and joined and isinstance(joined[-1], ConstantField):
            joined[-1] = ConstantField(joined[-1].data + part)
        elif part:
            joined.append(ConstantField(part))
    return tuple(joined)


def alphabet_of(values: Iterable[bytes]) -> Alphabet:
    """Return the alphabet in which all these values are written."""
    letters = frozenset(byte for value in values for byte in value)
    narrow: Alphabet = "hexdigits" if letters <= HEX_LETTERS and len(letters) > 3 else "letters"
    return narrow if letters and letters <= BASE64_LETTERS else "bytes"


def random_part(size: int, alphabet: Alphabet = "bytes") -> list[FieldPart]:
    """Return `size` random bytes; nothing where there are none."""
    return [RandomField(size, alphabet)] if size > 0 else []


@dataclass(slots=True)
class FlowEvidence:
    """Filled by a first look at all packets of a flow, then asked packet by packet."""

    letters: dict[Direction, Alphabet] = field(default_factory=dict)
    """In what a direction writes its transaction ids."""
    requests: dict[bytes, tuple[Direction, int]] = field(default_factory=dict)
    """Transaction ids of requests: who asked, and where the message begins in its packet."""
    attributes: dict[tuple[Direction, int], set[bytes]] = field(default_factory=lambda: defaultdict(set))
    streams: dict[tuple[Direction, int], str] = field(default_factory=dict)
    """Names of the SSRCs of RTP."""
    still: set[tuple[Direction, int]] = field(default_factory=set)
    """Streams (SSRCs) whose timestamp stays 0."""
    elements: dict[tuple[Direction, int, int], tuple[FieldPart, ...]] = field(default_factory=dict)
    """What an element of a header extension is, by id and size."""
    reports: dict[tuple[Direction, int], str] = field(default_factory=dict)
    """Names of SSRCs that send RTCP and no RTP."""
    index_at: dict[Direction, int] = field(default_factory=dict)
    """How far before the end of an SRTCP packet its index stands; none where it is not encrypted."""
    tag: bytes | None = None
    """The tag of a reflector's frames."""
    connection_ids: dict[bytes, str] = field(default_factory=dict)
    """Names of QUIC's connection ids."""
    chosen_ids: dict[Direction, bytes] = field(default_factory=dict)
    """Which of them each end chose for itself."""
    messages: dict[tuple[Direction, int, int], bytes] = field(default_factory=dict)
    """Whole DTLS handshake messages by type and number."""


@dataclass(frozen=True, slots=True)
class SeenValue:
    """A value of one field in one packet."""

    at_s: float
    value: bytes


def is_counting(values: Sequence[int], size: int) -> bool:
    """Whether most numbers are the one before plus 1."""
    steps = [(after - before) % (1 << 8 * size) for before, after in pairwise(values)]
    return len(steps) >= 2 and sum(step == 1 for step in steps) >= MOSTLY * len(steps)


def is_clock(seen: Sequence[SeenValue], per_ms: float) -> bool:
    """Whether most numbers grow as time does."""
    size = len(seen[0].value)
    right = 0
    for before, after in pairwise(seen):
        ticks = (_number(after.value) - _number(before.value) + (1 << 8 * size - 1)) % (1 << 8 * size)
        ticks -= 1 << 8 * size - 1
        right += abs(ticks / per_ms - (after.at_s - before.at_s) * 1000) < CLOCK_SLACK_MS
    return len(seen) >= MIN_STREAM_PACKETS and right >= MOSTLY * (len(seen) - 1)


def element_parts(direction: Direction, number: int, seen: Sequence[SeenValue]) -> tuple[FieldPart, ...]:
    """Return what an element of RTP headers is, from all its values in order of time."""
    values = [one.value for one in seen]
    size = len(values[0])
    name = f"{direction}_element{number}"
    moves = len(set(values)) > 1
    if size == 3 and is_clock(seen, SEND_TIME_PER_MS) and moves:
        return (ClockField(name, 3, SEND_TIME_PER_MS),)
    if size == 2 and is_counting([_number(value) for value in values], 2):
        return (CounterField(name, 2),)
    if size in (8, 16) and moves and is_clock([SeenValue(one.at_s, one.value[:8]) for one in seen], NTP_PER_MS):
        return ClockField(name, 8, NTP_PER_MS), *random_part(size - 8)
    if not moves:
        return (values[0],) if size == 1 else (WordField(name, min(size, 256)), *random_part(size - 256))
    return (bits_of(values, 0),) if size == 1 else tuple(random_part(size))


def bits_of(values: Sequence[bytes], at: int) -> BitsField:
    """Return the byte of which only the bits are random that differ among these values."""
    every, some = 0xFF, 0
    for value in values:
        every, some = every & value[at], some | value[at]
    return BitsField(every, (every ^ some) or 0xFF)


def _number(value: bytes) -> int:
    return int.from_bytes(value, "big")
