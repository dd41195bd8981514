"""Writes the datagrams of a recorded shape's flows: once what all flows share, then each flow from its key.

Messages lie in front, then the datagrams, end to end. A flow is filled in one pass over numbers of that whole length;
then words, numbers that grow, groups whose order is drawn, parts of messages, echoes and check sums are put in place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from talkpath.apps.contract.shape import Keystream, Schedule, Slot
from talkpath.apps.recorded.fields import (
    DATE_BYTES,
    Alphabet,
    BitsField,
    ChecksumField,
    ClockField,
    ConstantField,
    CounterField,
    DateField,
    EchoField,
    Field,
    LengthField,
    PartField,
    RandomField,
    ShuffledField,
    SteppedField,
    WordField,
)
from talkpath.apps.recorded.layout import fixed_bytes, place_fields
from talkpath.wire.rtc.stun import FINGERPRINT_XOR

LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_LETTERS_OF: Final[Mapping[Alphabet, str]] = {
    "letters": LETTERS,
    "hexdigits": "0123456789abcdef",
    "digits": "0123456789",
}
_TABLES: Final = {
    name: "".join(text[value % len(text)] for value in range(256)).encode() for name, text in _LETTERS_OF.items()
}
DRAWN_BYTES: Final = 8  # of a flow's key for a number that grows, a date, and the place of a group
FIRST_DATE: Final = datetime(2025, 9, 1, tzinfo=UTC)
DATE_SPAN_S: Final = 400 * 86_400  # a certificate's first date is drawn within it
_FINGERPRINT_HEAD: Final = b"\x80\x28\x00\x04"
_CRC: Final = Struct("!I")


def slot_kind(kind: str, step: int = 0, padding: int = 0) -> str:
    """Return what a slot of a recorded shape has as its kind: that of its packet, what its `SteppedField` grows by, and
    the zeros at its end."""
    return f"{kind}+{step}+{padding}"


_NumberColumns = tuple[NDArray[np.intp], NDArray[np.uint64], NDArray[np.uint64], NDArray[np.intp], NDArray[np.intp]]
"""Of numbers: where they were drawn, which bits of the draw they have, by how much they have grown. Of their bytes:
where each stands, and which of all numbers' bytes (8 each, the highest first) it is."""


class FlowSheet:
    """What all flows of one schedule share. `fill` writes one of them."""

    def __init__(
        self, fields: Mapping[str, Sequence[Field]], messages: Mapping[str, Sequence[Field]], schedule: Schedule
    ) -> None:
        self._fixed, self._mask = bytearray(), bytearray()
        self._words: dict[str, tuple[int, int, Alphabet]] = {}
        self._head = 0
        self._texts: list[tuple[int, int, Alphabet]] = []
        self._copies: list[tuple[int, str]] = []
        self._grown: dict[str, int] = {}
        self._numbers: list[tuple[int, int, str, int, bool]] = []  # at, size, name, grown by, little
        self._starts: dict[str, int] = {}
        self._dates: list[tuple[int, int, str]] = []
        self._shuffles: list[tuple[str, list[tuple[int, int]]]] = []
        self._moves: list[tuple[int, int, int]] = []  # from, to, size: parts, then echoes
        self._seals: list[tuple[int, int]] = []
        self._message_at: dict[str, int] = {}
        for name, parts in messages.items():
            self._message_at[name] = len(self._fixed)
            self._put_fields(place_fields(parts, fixed_bytes(parts)))
        self._spans = [*self._put_slots(fields, schedule.slots)]
        self._whole = int.from_bytes(self._mask, "big"), int.from_bytes(self._fixed, "big")
        self._columns = self._number_columns()

    def _put_slots(self, fields: Mapping[str, Sequence[Field]], slots: Sequence[Slot]) -> Iterable[tuple[int, int]]:
        """Put each slot's datagram. A retry repeats its first try, and the replies to all tries are the same."""
        spans: list[tuple[int, int]] = []
        replies: dict[tuple[int, str, int], tuple[int, int]] = {}
        given = Counter[tuple[int, str]]()  # of one request there may be several replies of a kind
        placed: dict[tuple[str, int], Sequence[tuple[Field, int, int]]] = {}
        for slot in slots:
            if slot.retry_of is not None:
                spans.append(spans[slot.retry_of])
                continue
            kind, step, padding = slot.kind.split("+")  # as `slot_kind` put it together
            asked: tuple[int, int] | None = None
            if slot.answers is not None:
                first = slots[slot.answers].retry_of
                root = slot.answers if first is None else first
                asked, reply = spans[root], (root, kind, given[slot.answers, kind])
                given[slot.answers, kind] += 1
                if reply in replies:
                    spans.append(replies[reply])
                    continue
            start, size = len(self._fixed), slot.size - int(padding)
            if (kind, size) not in placed:
                placed[kind, size] = place_fields(fields[kind], size)
            self._put_fields(placed[kind, size], slot.at_ms, int(step), asked)
            self._put(bytes(int(padding)))
            spans.append((start, len(self._fixed)))
            if slot.answers is not None:
                replies[reply] = spans[-1]
        return spans

    def _put_fields(
        self,
        placed: Sequence[tuple[Field, int, int]],
        at_ms: float = 0.0,
        step: int = 0,
        asked: tuple[int, int] | None = None,
    ) -> None:
        start = len(self._fixed)
        for field, first, last in placed:
            at, width = start + first, last - first
            match field:
                case ConstantField():
                    self._put(field.data)
                case BitsField():
                    self._put(bytes([field.fixed]), bytes([field.mask]))
                case WordField():
                    self._copies.append((at, self._word(field.name, field.size, field.alphabet)))
                    self._put(bytes(width))
                case RandomField():
                    if field.alphabet != "bytes":
                        self._texts.append((at, at + width, field.alphabet))
                    self._put(bytes(width), b"\xff" * width)
                case CounterField():
                    if field.start is not None:
                        self._starts.setdefault(field.name, field.start)
                    self._put_number(field.name, at, field.size, self._grow(field.name, field.step), field.little)
                case SteppedField():
                    grown = self._grow(field.name, step, before=True)
                    self._put_number(field.name, at, field.size, grown, field.little)
                case ClockField():
                    self._put_number(field.name, at, field.size, int(at_ms * field.per_ms), field.little)
                case LengthField():
                    number = (placed[-1][2] + field.plus) // field.unit % (1 << 8 * field.size)
                    self._put(number.to_bytes(field.size, "little" if field.little else "big"))
                case EchoField() if asked is not None:
                    self._moves.append((asked[0] + field.at, at, width))
                    self._put(bytes(width))
                case EchoField():
                    self._put(bytes(width), b"\xff" * width)
                case ChecksumField():
                    self._seals.append((start + field.start, at + width))
                    self._put(_FINGERPRINT_HEAD + bytes(4))
                case DateField():
                    self._dates.append((at, field.days, self._word("#date", DRAWN_BYTES, "bytes")))
                    self._put(bytes(width))
                case PartField():
                    self._moves.append((self._message_at[field.message] + field.start, at, width))
                    self._put(bytes(width))
                case ShuffledField():
                    self._put_groups(field)

    def _put(self, fixed: bytes, mask: bytes = b"") -> None:
        self._fixed += fixed
        self._mask += mask or bytes(len(fixed))

    def _put_number(self, name: str, at: int, size: int, grown: int, little: bool) -> None:
        self._word(f"#{name}", DRAWN_BYTES, "bytes")
        self._numbers.append((at, size, name, grown, little))
        self._put(bytes(size))

    def _grow(self, name: str, step: int, *, before: bool = False) -> int:
        """Return by how much a number has grown up to a packet, which `before` counts in."""
        grown = self._grown.get(name, 0)
        self._grown[name] = grown + step
        return grown + step if before else grown

    def _put_groups(self, field: ShuffledField) -> None:
        spans: list[tuple[int, int]] = []
        for group in field.groups:
            start = len(self._fixed)
            self._put_fields(place_fields(group, fixed_bytes(group)))
            spans.append((start, len(self._fixed)))
        self._shuffles.append((self._word(f"#{spans[0][0]}", DRAWN_BYTES * len(spans), "bytes"), spans))

    def _word(self, name: str, size: int, alphabet: Alphabet) -> str:
        """Declare a word, with the length that it has where it stands first."""
        key = name if name.startswith("#") else f"{name}/{size}"
        if key not in self._words:
            self._words[key] = self._head, self._head + size, alphabet
            self._head += size
        return key

    def fill(self, key: bytes) -> list[bytes]:
        """Return one flow's datagrams."""
        end = len(self._fixed)
        entropy = Keystream(key, self._head + end).take(self._head + end)
        words = {name: _spelled(entropy[a:b], alphabet) for name, (a, b, alphabet) in self._words.items()}
        mask, fixed = self._whole
        sheet = bytearray((int.from_bytes(entropy[self._head :], "big") & mask | fixed).to_bytes(end, "big"))
        self._fill_numbers(sheet, entropy)
        for at, last, alphabet in self._texts:
            sheet[at:last] = _spelled(bytes(sheet[at:last]), alphabet)
        for at, word in self._copies:
            sheet[at : at + len(words[word])] = words[word]
        for at, days, word in self._dates:
            first = timedelta(seconds=int.from_bytes(words[word], "big") % DATE_SPAN_S)
            sheet[at : at + DATE_BYTES] = f"{FIRST_DATE + first + timedelta(days=days):%y%m%d%H%M%S}Z".encode()
        for word, spans in self._shuffles:
            _shuffle_groups(sheet, words[word], spans)
        for source, at, size in self._moves:
            sheet[at : at + size] = sheet[source : source + size]
        for start, last in self._seals:
            _CRC.pack_into(sheet, last - 4, crc32(sheet[start : last - 8]) ^ FINGERPRINT_XOR)
        return [bytes(sheet[a:b]) for a, b in self._spans]

    def _number_columns(self) -> _NumberColumns:
        """Put all numbers that grow together: those without a start begin at a draw whose highest bit is clear."""
        sizes = np.array([size for _, size, _, _, _ in self._numbers], np.intp)
        rows = np.repeat(np.arange(len(sizes)), sizes)  # of each byte, its number
        byte = np.arange(len(rows)) - (sizes.cumsum() - sizes)[rows]  # of that, from the lowest
        at, little = (np.array([number[column] for number in self._numbers], np.intp)[rows] for column in (0, 4))
        masks = [(1 << 8 * size - 1) - 1 if name not in self._starts else 0 for _, size, name, _, _ in self._numbers]
        grown = [(by + self._starts.get(name, 0)) % (1 << 64) for _, _, name, by, _ in self._numbers]
        return (
            np.array([self._words[f"#{name}"][0] for _, _, name, _, _ in self._numbers], np.intp)[:, None]
            + np.arange(DRAWN_BYTES),
            np.array(masks, np.uint64),
            np.array(grown, np.uint64),
            at + np.where(little, byte, sizes[rows] - 1 - byte),
            8 * rows + 7 - byte,
        )

    def _fill_numbers(self, sheet: bytearray, entropy: bytes) -> None:
        drawn_at, masks, grown, places, picked = self._columns
        drawn = np.frombuffer(entropy, np.uint8)[drawn_at].view(">u8").ravel()
        numbers = ((drawn & masks) + grown).astype(">u8").view(np.uint8)
        np.frombuffer(sheet, np.uint8)[places] = numbers[picked]


def _spelled(data: bytes, alphabet: Alphabet) -> bytes:
    return data if alphabet == "bytes" else data.translate(_TABLES[alphabet])


def _shuffle_groups(sheet: bytearray, drawn: bytes, spans: Sequence[tuple[int, int]]) -> None:
    """Put the groups, which follow each other, into the order of their drawn numbers."""
    places = [drawn[DRAWN_BYTES * place : DRAWN_BYTES * (place + 1)] for place in range(len(spans))]
    order = sorted(range(len(spans)), key=places.__getitem__)
    whole = b"".join(bytes(sheet[spans[place][0] : spans[place][1]]) for place in order)
    sheet[spans[0][0] : spans[-1][1]] = whole
