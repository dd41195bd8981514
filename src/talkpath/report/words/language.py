"""The language in which people are told. A command chooses it once (`speaking`); whatever makes words uses `say`.

English is the source and stands in the code; every other language is one file, languages/CODE.po. Its header says
which way it is written (`X-Direction`), its decimal mark (`X-Decimal`), and who reviewed it (`X-Reviewed: name, date`,
or `no`). What a catalogue does not have is told in English. Digits are 0-9 in every language, as in the commands, port
numbers and pictures beside them. In text from right to left each Latin word, name and number is isolated (U+2068,
U+2069), so that none tears a sentence apart.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal
from unicodedata import bidirectional

from talkpath.report.words.gettext_file import Messages, read_catalogue

FOLDER = files("talkpath.report").joinpath("languages")
VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")  # in the order in which gettext looks at them
ISOLATE, POP = "\u2068", "\u2069"
LATIN = re.compile(r"(\{\w+\})|`[^`]+`|[A-Za-z][A-Za-z0-9]*(?:[ ./-]+[A-Za-z0-9]+)*")


@dataclass(frozen=True)
class Language:
    """One language. `reviewed` is "name, date", "" where no speaker of it has read the words yet."""

    code: str
    messages: Messages
    plural: Callable[[int], int]
    direction: Literal["ltr", "rtl"] = "ltr"
    decimal: str = "."
    reviewed: str = ""

    def translate(self, context: str, text: str, plural: str, number: int) -> str:
        """The form for that number; English where there is none."""
        forms = self.messages.get((context, text))
        if forms is None:
            return text if number == 1 else plural
        return forms[self.plural(number)] if len(forms) > 1 else forms[0]

    def fill(self, text: str, values: Mapping[str, object]) -> str:
        """The values in their places; in text from right to left, those isolated that are not."""
        if self.direction == "ltr":
            return text.format_map(values)
        return text.format_map({name: self.isolate(str(value)) for name, value in values.items()})

    def isolate(self, value: str) -> str:
        """A name or number that is to stand in this language's text: kept apart where it runs the other way."""
        own = any(letter.isalpha() and bidirectional(letter) in ("R", "AL") for letter in value)
        return value if self.direction == "ltr" or own or ISOLATE in value else isolated(value)


ENGLISH = Language("en", {}, lambda number: int(number != 1), reviewed="the source")
_spoken: ContextVar[Language] = ContextVar("language", default=ENGLISH)


def codes() -> list[str]:
    """English, then all that have a file."""
    found = (entry.name.removesuffix(".po") for entry in FOLDER.iterdir() if entry.name.endswith(".po"))
    return [ENGLISH.code, *sorted(found)]


@cache
def language(code: str) -> Language:
    """One of `codes`."""
    if code == ENGLISH.code:
        return ENGLISH
    found = read_catalogue(FOLDER.joinpath(f"{code}.po").read_text(encoding="utf-8"))
    right_to_left = found.headers.get("X-Direction") == "rtl"
    isolate = latin_isolated if right_to_left else str
    reviewed = found.headers.get("X-Reviewed", "no")
    return Language(
        code,
        {key: tuple(map(isolate, forms)) for key, forms in found.messages.items()},
        found.plural,
        "rtl" if right_to_left else "ltr",
        found.headers.get("X-Decimal", "."),
        "" if reviewed == "no" else reviewed,
    )


def isolated(text: str) -> str:
    """Inside a first-strong isolate (Unicode annex 9, section 2.4): what it says cannot move what is around it."""
    return f"{ISOLATE}{text}{POP}"


def latin_isolated(text: str) -> str:
    """Each command and each run of Latin words isolated; placeholders are `Language.fill`'s."""
    return LATIN.sub(lambda found: found[1] or isolated(found[0]), text)


def choose(wanted: str | None = None, environment: Mapping[str, str] = os.environ) -> Language:
    """The language asked for, else the first that the environment names and that is known, else English."""
    if wanted is not None:
        return language(wanted)
    named = next((environment[name] for name in VARIABLES if environment.get(name)), "")
    known = codes()
    preferred = (re.split(r"[_.@-]", each)[0].lower() for each in named.split(":"))
    return language(next((code for code in preferred if code in known), ENGLISH.code))


@contextmanager
def speaking(spoken: Language) -> Iterator[None]:
    """Everything inside is told in that language."""
    token = _spoken.set(spoken)
    try:
        yield
    finally:
        _spoken.reset(token)


def spoken() -> Language:
    """The language of the moment."""
    return _spoken.get()


# -- words -------------------------------------------------------------------------------------------------------


def say(context: str, text: str, /, **values: object) -> str:
    """The text, which is English and tells two equal ones apart by their context, with the values in place."""
    return spoken().fill(spoken().translate(context, text, text, 1), values)


def count(context: str, one: str, many: str, number: int, /, **values: object) -> str:
    """As `say`, in the form that goes with the number, which is `{number}`."""
    told = f"{number:,}".replace(",", "\N{NO-BREAK SPACE}")
    return spoken().fill(spoken().translate(context, one, many, number), {"number": told, **values})


def listed(parts: Iterable[str]) -> str:
    """One after the other."""
    return say("list", ", ").join(map(spoken().isolate, parts))
