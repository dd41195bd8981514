"""A packet's fields as one line of text, and back.

    90 6f count(voice_seq,2) step(voice_time,4) word(voice_ssrc,4) bede0002 22 clock(sent,3,262.144) random
    0001 length(2,-20) 2112a442 letters(12) 0006 0009 word(far,4,letters) 3a word(near,4,letters) … crc(0)

Hex digits are constants. Everything else is a word, most with arguments in brackets:

    random(N) letters(N) hexdigits(N) digits(N)   new in every packet; `random` alone takes what is left
    bits(FIXED,MASK)                              one byte, in hex; the bits of MASK are random
    word(NAME,N[,letters|hexdigits|digits])       random for each flow, the same wherever NAME stands
    count(NAME,N[,start=S][,step=K][,little])     grows with each packet
    step(NAME,N[,little])                         grows as the blocks say
    clock(NAME,N,TICKS_PER_MS[,little])           tells the time
    length(N[,PLUS][,unit=U][,little])            (size of the packet + PLUS) // U
    echo(AT,N)                                    what the packet that this one answers has at AT
    crc(START)                                    STUN's FINGERPRINT
    date(DAYS)                                    a certificate's date
    part(MESSAGE,START,END)                       a piece of a [message]
    shuffle[A | B | …]                            parts in an order that is random for each flow
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from talkpath.apps.recorded.fields import (
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
    PlainField,
    RandomField,
    ShuffledField,
    SteppedField,
    WordField,
)
from talkpath.errors import FileError

MAX_FIELD_TEXT: Final = 8000
_TOKEN: Final = re.compile(r"\s*(?:([0-9a-f]+)(?![a-z(])|([a-z]+)(?:\(([^()\[\]]*)\))?|(\[|\]|\|))")
_ALPHABETS: Final = ("letters", "hexdigits", "digits")
_HEX: Final = ("fixed", "mask")
_UNNAMED: Final = ("size", "plus", "alphabet")
"""What stands without its name although it may be left out."""


@dataclass(frozen=True, slots=True)
class FieldForm:
    """What stands in the brackets behind a field's word: what is `needed`, in this order, then what may be left out."""

    plain: Any
    needed: tuple[str, ...] = ()
    more: tuple[str, ...] = ()

    @property
    def field(self) -> Any:
        """The class of the field; `plain` is one with nothing that may be left out."""
        return type(self.plain)


FIELD_WORDS: Final = {
    "random": FieldForm(RandomField(), (), ("size", "alphabet")),
    "bits": FieldForm(BitsField(0, 1), _HEX),
    "word": FieldForm(WordField("", 1), ("name", "size"), ("alphabet",)),
    "count": FieldForm(CounterField("", 1), ("name", "size"), ("start", "step", "little")),
    "step": FieldForm(SteppedField("", 1), ("name", "size"), ("little",)),
    "clock": FieldForm(ClockField("", 1, 1.0), ("name", "size", "per_ms"), ("little",)),
    "length": FieldForm(LengthField(1), ("size",), ("plus", "unit", "little")),
    "echo": FieldForm(EchoField(0, 1), ("at", "size")),
    "crc": FieldForm(ChecksumField(), ("start",)),
    "date": FieldForm(DateField(), ("days",)),
    "part": FieldForm(PartField("", 0, 1), ("message", "start", "end")),
}


def fields_to_text(fields: Iterable[Field]) -> str:
    """Return the line of text that says these fields."""
    return " ".join(map(_field_to_text, fields))


def _field_to_text(field: Field) -> str:
    match field:
        case ConstantField():
            return field.data.hex()
        case ShuffledField():
            return f"shuffle[{' | '.join(map(fields_to_text, field.groups))}]"
    word, form = next((word, form) for word, form in FIELD_WORDS.items() if form.field is type(field))
    if isinstance(field, RandomField) and field.alphabet != "bytes":
        word = field.alphabet
    arguments = [_argument_to_text(name, getattr(field, name)) for name in form.needed]
    hidden = "alphabet" if word in ("random", *_ALPHABETS) else ""
    more = [name for name in form.more if name != hidden and getattr(field, name) != getattr(form.plain, name)]
    arguments += [
        f"{'' if name in _UNNAMED else name + '='}{getattr(field, name)}" for name in more if name != "little"
    ]
    arguments += ["little"] if "little" in more else []
    return f"{word}({','.join(arguments)})" if arguments else word


def _argument_to_text(name: str, value: object) -> str:
    return f"{value:02x}" if name in _HEX else str(value).removesuffix(".0") if name == "per_ms" else str(value)


def fields_of_text(text: str) -> tuple[Field, ...]:
    """Return the fields that a line of text says; `FileError` where it says none."""
    if len(text) > MAX_FIELD_TEXT:
        raise FileError(f"The bytes of a packet take more than {MAX_FIELD_TEXT} characters of text.")
    tokens, at, text = [], 0, text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise FileError(f"“{_shown(text[at:])}” is no part of a packet's bytes.")
        tokens.append(match)
        at = match.end()
    fields, rest = _parse_fields(tokens, 0, nested=False)
    if rest < len(tokens):
        raise FileError("A bracket of a packet's bytes is closed that was not opened.")
    return tuple(fields)


def _parse_fields(tokens: list[re.Match[str]], at: int, *, nested: bool) -> tuple[list[Field], int]:
    """Return the fields up to the bracket or bar that ends them, and its place."""
    fields: list[Field] = []
    while at < len(tokens) and tokens[at][4] not in ("]", "|"):
        digits, word, arguments, bracket = tokens[at].groups()
        at += 1
        if word == "shuffle" and not nested and at < len(tokens) and tokens[at][4] == "[":
            shuffled, at = _parse_groups(tokens, at + 1)
            fields.append(shuffled)
        elif bracket is not None:
            raise FileError("A bracket of a packet's bytes stands where none belongs.")
        else:
            fields.append(_constant(digits) if digits is not None else _parse_word(word, arguments))
    return fields, at


def _parse_groups(tokens: list[re.Match[str]], at: int) -> tuple[ShuffledField, int]:
    groups: list[tuple[PlainField, ...]] = []
    while True:
        fields, at = _parse_fields(tokens, at, nested=True)
        if not all(isinstance(field, PlainField) for field in fields) or not fields:
            raise FileError("Parts that are shuffled hold constants, words and random bytes only.")
        groups.append(tuple(field for field in fields if isinstance(field, PlainField)))
        if at == len(tokens):
            raise FileError("A bracket of a packet's bytes is not closed.")
        at += 1
        if tokens[at - 1][4] == "]":
            return _checked_field(ShuffledField(tuple(groups))), at  # type: ignore[return-value]


def _constant(digits: str) -> Field:
    if len(digits) % 2:
        raise FileError(f"“{_shown(digits)}” has an odd number of hex digits.")
    return _checked_field(ConstantField(bytes.fromhex(digits)))


def _parse_word(word: str, arguments: str | None) -> Field:
    try:
        form = FIELD_WORDS["random" if word in _ALPHABETS else word]
        given: dict[str, object] = {"alphabet": word} if word in _ALPHABETS else {}
        needed, unnamed = [*form.needed], [name for name in form.more if name in _UNNAMED and name != "alphabet"]
        for piece in (arguments or "").split(",") if arguments else ():
            key, equals, value = piece.strip().partition("=")
            if equals or key == "little":
                if key not in form.more or key in _UNNAMED or bool(equals) == (key == "little"):
                    raise ValueError(key)
                given[key] = key == "little" or int(value)
            elif key in _ALPHABETS and "alphabet" in form.more and word == "word" and not needed:
                given["alphabet"] = key
            else:
                name = needed.pop(0) if needed else unnamed.pop(0)
                given[name] = _argument_of_text(name, key)
        if needed:
            raise ValueError(word)
        return _checked_field(form.field(**given))
    except (KeyError, IndexError, ValueError, OverflowError):
        raise FileError(f"“{_shown(word)}” is no part of a packet's bytes, or its arguments are not.") from None


def _argument_of_text(name: str, text: str) -> object:
    if name in ("name", "message"):
        return text
    return float(text) if name == "per_ms" else int(text, 16 if name in _HEX else 10)


def _checked_field(field: Field) -> Field:
    """Return the field if it is within the bounds of its type."""
    if isinstance(field, BitsField):
        field = BitsField(field.fixed & ~field.mask, field.mask)
    try:
        checked: Field = msgspec.convert(msgspec.to_builtins(field), Field)
    except msgspec.ValidationError as error:
        raise FileError(f"Part of a packet's bytes is out of bounds: {error}.") from None
    return checked


def _shown(text: str) -> str:
    """Return the beginning of a text that came from anywhere, as it may be printed."""
    return re.sub(r"[^ -~]", "?", text[:20])
