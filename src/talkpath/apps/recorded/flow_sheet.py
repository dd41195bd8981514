"""Writes the datagrams of a recorded shape's flows: once what all flows share, then each flow from its key.

Messages lie in front, then the datagrams, end to end. A flow is filled in one pass over numbers of that whole length;
then words, numbers that grow, groups whose order is drawn, parts of messages, echoes and check sums are put in place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import accumulate, pairwise
from typing import Final, NamedTuple
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
from talkpath.apps.recorded.record import RecordedShape
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


def slot_kind(kind: str, step: int = 0, padding: int = 0) -> str:
    """Return what a slot of a recorded shape has as its kind: that of its packet, what its `SteppedField` grows by, and
    the zeros at its end."""
    return f"{kind}+{step}+{padding}"


_NumberColumns = tuple[NDArray[np.intp], NDArray[np.uint64], NDArray[np.uint64], NDArray[np.intp], NDArray[np.intp]]
"""Of numbers: where they were drawn, which bits of the draw they have, by how much they have grown. Of their bytes:
where each stands, and which of all numbers' bytes (8 each, the highest first) it is."""


class PacketForm(NamedTuple):
    """What packets of one kind and size share: their bytes with zeros where some are random or come from elsewhere, the
    bits that are random, and the fields that need more than that, each with its start and end."""

    fixed: bytes
    mask: bytes
    others: tuple[tuple[Field, int, int], ...]


def packet_form(fields: Sequence[Field], size: int, padding: int = 0) -> PacketForm:
    """Return the form of packets of that size with zeros behind. Groups whose order is drawn stand as in the file."""
    fixed, mask = bytearray(size + padding), bytearray(size + padding)
    others: list[tuple[Field, int, int]] = []
    for field, first, last in place_fields(fields, size):
        match field:
            case ConstantField():
                fixed[first:last] = field.data
            case BitsField():
                fixed[first], mask[first] = field.fixed, field.mask
            case LengthField():
                number = (size + field.plus) // field.unit % (1 << 8 * field.size)
                fixed[first:last] = number.to_bytes(field.size, "little" if field.little else "big")
            case RandomField() | EchoField():  # the echo of a packet that answers none is random
                mask[first:last] = b"\xff" * (last - first)
            case ChecksumField():
                fixed[first : first + len(_FINGERPRINT_HEAD)] = _FINGERPRINT_HEAD
            case ShuffledField():
                for group, (start, end) in zip(field.groups, _group_spans(field, first), strict=True):
                    form = packet_form(group, end - start)
                    fixed[start:end], mask[start:end] = form.fixed, form.mask
                    others += [(inner, start + a, start + b) for inner, a, b in form.others]
        is_whole = isinstance(field, ConstantField | BitsField | LengthField)
        if not is_whole and not (isinstance(field, RandomField) and field.alphabet == "bytes"):
            others.append((field, first, last))
    return PacketForm(bytes(fixed), bytes(mask), tuple(others))


class PacketForms:
    """The forms of a recorded shape's packets, each worked out once for all flows and calls that are played."""

    def __init__(self, record: RecordedShape) -> None:
        fields = {kind.name: kind.fields for kind in record.kinds}
        # by the name of a kind, the size on the wire, and how much of that are zeros at the end
        self.of = cache(lambda kind, size, padding: packet_form(fields[kind], size - padding, padding))
        self.messages = {one.name: packet_form(one.fields, fixed_bytes(one.fields)) for one in record.messages}


class FlowSheet:
    """What all flows of one schedule share. `fill` writes one of them."""

    def __init__(self, forms: PacketForms, schedule: Schedule) -> None:
        self._fixed, self._mask = bytearray(), bytearray()
        self._words: dict[str, int] = {}  # where each begins among the words of a flow
        self._head = 0  # bytes of all words
        self._spelled: list[tuple[int, int, Alphabet]] = []  # of the words
        self._texts: list[tuple[int, int, Alphabet]] = []
        self._copies: list[tuple[int, int, int]] = []  # of a word: to, from, size
        self._grown = Counter[str]()  # by how much a number has, up to here
        self._numbers: list[tuple[int, int, str, int, bool]] = []  # at, size, name, grown by, little
        self._starts: dict[str, int] = {}
        self._dates: list[tuple[int, int, int]] = []
        self._shuffles: list[tuple[int, list[tuple[int, int]]]] = []
        self._moves: list[tuple[int, int, int]] = []  # from, to, size: parts, then echoes
        self._seals: list[tuple[int, int]] = []
        self._message_at: dict[str, int] = {}
        for name, form in forms.messages.items():
            self._message_at[name] = len(self._fixed)
            self._put(form)
        self._spans = [*self._put_slots(forms, schedule.slots)]
        self._columns = self._number_columns()
        to, start, size = np.array(self._copies, np.intp).reshape(-1, 3).T
        self._copied = _each_byte(to, size), _each_byte(start, size)

    def _put_slots(self, forms: PacketForms, slots: Sequence[Slot]) -> Iterable[tuple[int, int]]:
        """Put each slot's datagram. A retry repeats its first try, and the replies to all tries are the same."""
        spans: list[tuple[int, int]] = []
        replies: dict[tuple[int, str, int], tuple[int, int]] = {}
        given = Counter[tuple[int, str]]()  # of one request there may be several replies of a kind
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
            start = len(self._fixed)
            self._put(forms.of(kind, slot.size, int(padding)), slot.at_ms, int(step), asked)
            spans.append((start, len(self._fixed)))
            if slot.answers is not None:
                replies[reply] = spans[-1]
        return spans

    def _put(self, form: PacketForm, at_ms: float = 0.0, step: int = 0, asked: tuple[int, int] | None = None) -> None:
        start = len(self._fixed)
        self._fixed += form.fixed
        self._mask += form.mask
        for field, first, last in form.others:
            at = start + first
            match field:
                case CounterField():
                    if field.start is not None:
                        self._starts.setdefault(field.name, field.start)
                    self._put_number(field, at, self._grown[field.name])
                    self._grown[field.name] += field.step
                case SteppedField():
                    self._grown[field.name] += step
                    self._put_number(field, at, self._grown[field.name])
                case ClockField():
                    self._put_number(field, at, int(at_ms * field.per_ms))
                case WordField():
                    word = self._word(f"{field.name}/{field.size}", field.size, field.alphabet)
                    self._copies.append((at, word, field.size))
                case RandomField():
                    self._texts.append((at, start + last, field.alphabet))
                case EchoField() if asked is not None:
                    self._moves.append((asked[0] + field.at, at, field.size))
                case ChecksumField():
                    self._seals.append((start + field.start, start + last))
                case DateField():
                    self._dates.append((at, field.days, self._word("#date", DRAWN_BYTES)))
                case PartField():
                    self._moves.append((self._message_at[field.message] + field.start, at, last - first))
                case ShuffledField():
                    word = self._word(f"#{at}", DRAWN_BYTES * len(field.groups))
                    self._shuffles.append((word, _group_spans(field, at)))

    def _put_number(self, field: CounterField | SteppedField | ClockField, at: int, grown: int) -> None:
        self._word(f"#{field.name}", DRAWN_BYTES)
        self._numbers.append((at, field.size, field.name, grown, field.little))

    def _word(self, name: str, size: int, alphabet: Alphabet = "bytes") -> int:
        """Return where a word begins among the flow's; it is declared where it stands first."""
        if name not in self._words:
            self._words[name] = self._head
            if alphabet != "bytes":
                self._spelled.append((self._head, self._head + size, alphabet))
            self._head += size
        return self._words[name]

    def fill(self, key: bytes) -> list[bytes]:
        """Return one flow's datagrams."""
        entropy = Keystream(key, self._head + len(self._fixed)).take(self._head + len(self._fixed))
        words, sheet = bytearray(entropy[: self._head]), bytearray(entropy[self._head :])
        row = np.frombuffer(sheet, np.uint8)
        row &= np.frombuffer(self._mask, np.uint8)
        row |= np.frombuffer(self._fixed, np.uint8)
        self._fill_numbers(row, words)
        for text, spans in ((sheet, self._texts), (words, self._spelled)):
            for at, last, alphabet in spans:
                text[at:last] = text[at:last].translate(_TABLES[alphabet])
        places, sources = self._copied
        row[places] = np.frombuffer(words, np.uint8)[sources]
        for at, days, word in self._dates:
            first = timedelta(seconds=int.from_bytes(words[word : word + DRAWN_BYTES], "big") % DATE_SPAN_S)
            sheet[at : at + DATE_BYTES] = f"{FIRST_DATE + first + timedelta(days=days):%y%m%d%H%M%S}Z".encode()
        for word, groups in self._shuffles:
            _shuffle_groups(sheet, words[word : word + DRAWN_BYTES * len(groups)], groups)
        for source, at, size in self._moves:
            sheet[at : at + size] = sheet[source : source + size]
        for start, last in self._seals:
            sheet[last - 4 : last] = (crc32(sheet[start : last - 8]) ^ FINGERPRINT_XOR).to_bytes(4, "big")
        whole = bytes(sheet)
        return [whole[a:b] for a, b in self._spans]

    def _number_columns(self) -> _NumberColumns:
        """Put all numbers that grow together: those without a start begin at a draw whose highest bit is clear."""
        sizes = np.array([size for _, size, _, _, _ in self._numbers], np.intp)
        rows = np.repeat(np.arange(len(sizes)), sizes)  # of each byte, its number
        byte = _each_byte(np.zeros_like(sizes), sizes)  # of that, from the lowest
        at, little = (np.array([number[column] for number in self._numbers], np.intp)[rows] for column in (0, 4))
        masks = [(1 << 8 * size - 1) - 1 if name not in self._starts else 0 for _, size, name, _, _ in self._numbers]
        grown = [(by + self._starts.get(name, 0)) % (1 << 64) for _, _, name, by, _ in self._numbers]
        return (
            np.array([self._words[f"#{name}"] for _, _, name, _, _ in self._numbers], np.intp)[:, None]
            + np.arange(DRAWN_BYTES),
            np.array(masks, np.uint64),
            np.array(grown, np.uint64),
            at + np.where(little, byte, sizes[rows] - 1 - byte),
            8 * rows + 7 - byte,
        )

    def _fill_numbers(self, row: NDArray[np.uint8], words: bytearray) -> None:
        drawn_at, masks, grown, places, picked = self._columns
        drawn = np.frombuffer(words, np.uint8)[drawn_at].view(">u8").ravel()
        numbers = ((drawn & masks) + grown).astype(">u8").view(np.uint8)
        row[places] = numbers[picked]


def _each_byte(starts: NDArray[np.intp], sizes: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the place of each byte of so many spans."""
    return (np.repeat(starts - (sizes.cumsum() - sizes), sizes) + np.arange(sizes.sum())).astype(np.intp)


def _group_spans(field: ShuffledField, start: int) -> list[tuple[int, int]]:
    return list(pairwise(accumulate(map(fixed_bytes, field.groups), initial=start)))


def _shuffle_groups(sheet: bytearray, drawn: bytearray, spans: Sequence[tuple[int, int]]) -> None:
    """Put the groups, which follow each other, into the order of their drawn numbers."""
    numbers = [bytes(drawn[at : at + DRAWN_BYTES]) for at in range(0, len(drawn), DRAWN_BYTES)]
    ordered = sorted(zip(numbers, spans, strict=True))
    sheet[spans[0][0] : spans[-1][1]] = b"".join(sheet[start:end] for _, (start, end) in ordered)
