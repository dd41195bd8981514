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
from collections.abc import Callable, Iterable
from typing import Final

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


def fields_to_text(fields: Iterable[Field]) -> str:
    """Return the line of text that says these fields."""
    return " ".join(map(_field_to_text, fields))


def _field_to_text(field: Field) -> str:
    match field:
        case ConstantField():
            return field.data.hex()
        case RandomField():
            word = "random" if field.alphabet == "bytes" else field.alphabet
            return word if field.size is None else f"{word}({field.size})"
        case BitsField():
            return f"bits({field.fixed:02x},{field.mask:02x})"
        case WordField():
            return f"word({field.name},{field.size}{'' if field.alphabet == 'bytes' else ',' + field.alphabet})"
        case ShuffledField():
            return f"shuffle[{' | '.join(map(fields_to_text, field.groups))}]"
    return _numbers_to_text(field)


def _numbers_to_text(field: Field) -> str:
    little = ",little" if getattr(field, "little", False) else ""
    match field:
        case CounterField():
            start = "" if field.start is None else f",start={field.start}"
            step = "" if field.step == 1 else f",step={field.step}"
            return f"count({field.name},{field.size}{start}{step}{little})"
        case SteppedField():
            return f"step({field.name},{field.size}{little})"
        case ClockField():
            return f"clock({field.name},{field.size},{repr(field.per_ms).removesuffix('.0')}{little})"
        case LengthField():
            plus = f",{field.plus}" if field.plus else ""
            unit = "" if field.unit == 1 else f",unit={field.unit}"
            return f"length({field.size}{plus}{unit}{little})"
        case EchoField():
            return f"echo({field.at},{field.size})"
        case ChecksumField():
            return f"crc({field.start})"
        case DateField():
            return f"date({field.days})"
        case PartField():
            return f"part({field.message},{field.start},{field.end})"
    raise TypeError(field)


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
    plain, named = [], {}
    for piece in (arguments or "").split(",") if arguments else ():
        key, equals, value = piece.strip().partition("=")
        if equals:
            named[key] = value
        elif key in ("little", *_ALPHABETS):
            named[key] = key
        else:
            plain.append(key)
    try:
        return _checked_field(_WORDS[word](plain, named))
    except (KeyError, IndexError, ValueError, OverflowError):
        raise FileError(f"“{_shown(word)}” is no part of a packet's bytes, or its arguments are not.") from None


def _checked_field(field: Field) -> Field:
    """Return the field if it is within the bounds of its type."""
    try:
        checked: Field = msgspec.convert(msgspec.to_builtins(field), Field)
    except msgspec.ValidationError as error:
        raise FileError(f"Part of a packet's bytes is out of bounds: {error}.") from None
    return checked


def _take(plain: list[str], named: dict[str, str], *, count: range, keys: tuple[str, ...] = ()) -> list[str]:
    """Return the plain arguments if there are as many as `count` allows, and no key but these."""
    if len(plain) not in count or not named.keys() <= set(keys):
        raise ValueError(plain)
    return plain


def _random(alphabet: str) -> Callable[[list[str], dict[str, str]], Field]:
    def read(plain: list[str], named: dict[str, str]) -> Field:
        sizes = _take(plain, named, count=range(2))
        return RandomField(int(sizes[0]) if sizes else None, alphabet)  # type: ignore[arg-type]

    return read


def _word(plain: list[str], named: dict[str, str]) -> Field:
    name, size = _take(plain, named, count=range(2, 3), keys=_ALPHABETS)
    return WordField(name, int(size), next(iter(named), "bytes"))  # type: ignore[arg-type]


def _bits(plain: list[str], named: dict[str, str]) -> Field:
    fixed, mask = _take(plain, named, count=range(2, 3))
    return BitsField(int(fixed, 16) & ~int(mask, 16), int(mask, 16))


def _count(plain: list[str], named: dict[str, str]) -> Field:
    name, size = _take(plain, named, count=range(2, 3), keys=("start", "step", "little"))
    start = int(named["start"]) if "start" in named else None
    return CounterField(name, int(size), start, int(named.get("step", 1)), "little" in named)


def _step(plain: list[str], named: dict[str, str]) -> Field:
    name, size = _take(plain, named, count=range(2, 3), keys=("little",))
    return SteppedField(name, int(size), "little" in named)


def _clock(plain: list[str], named: dict[str, str]) -> Field:
    name, size, per_ms = _take(plain, named, count=range(3, 4), keys=("little",))
    return ClockField(name, int(size), float(per_ms), "little" in named)


def _length(plain: list[str], named: dict[str, str]) -> Field:
    size, *plus = _take(plain, named, count=range(1, 3), keys=("unit", "little"))
    return LengthField(int(size), int(plus[0]) if plus else 0, int(named.get("unit", 1)), "little" in named)


def _echo(plain: list[str], named: dict[str, str]) -> Field:
    at, size = _take(plain, named, count=range(2, 3))
    return EchoField(int(at), int(size))


def _part(plain: list[str], named: dict[str, str]) -> Field:
    message, start, end = _take(plain, named, count=range(3, 4))
    return PartField(message, int(start), int(end))


_WORDS: Final[dict[str, Callable[[list[str], dict[str, str]], Field]]] = {
    "random": _random("bytes"),
    "letters": _random("letters"),
    "hexdigits": _random("hexdigits"),
    "digits": _random("digits"),
    "word": _word,
    "bits": _bits,
    "count": _count,
    "step": _step,
    "clock": _clock,
    "length": _length,
    "echo": _echo,
    "crc": lambda plain, named: ChecksumField(int(_take(plain, named, count=range(1, 2))[0])),
    "date": lambda plain, named: DateField(int(_take(plain, named, count=range(1, 2))[0])),
    "part": _part,
}


def _shown(text: str) -> str:
    """Return the beginning of a text that came from anywhere, as it may be printed."""
    return re.sub(r"[^ -~]", "?", text[:20])
