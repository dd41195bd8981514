"""Translates what talkpath says. A command chooses the language once (`speaking`); all sentences go through `say`.

English texts stand in the code; every other language is one gettext file, languages/CODE.po. Its header gives the
writing direction (`X-Direction`), the decimal mark (`X-Decimal`), and who reviewed it (`X-Reviewed: name, date`, or
`no`). A text without a translation is shown in English. Digits are 0-9 in every language, as in the commands, port
numbers and pictures beside them. In right-to-left text each Latin word, name and number is isolated (U+2068, U+2069),
so that the bidirectional algorithm does not move what is around it.

Reads a gettext catalogue (.po): the file that translators edit, so there is no compiled copy to keep current.

It reads the part of the format (GNU gettext manual, "The Format of PO Files") that is used here: `msgctxt`, `msgid`,
`msgid_plural`, `msgstr`, `msgstr[n]`, strings over several lines, comments; entries separated by an empty line. An
empty `msgstr` is no translation.

The language of a person's system where the environment names none: Windows and macOS set no LANG by themselves.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from gettext import c2py
from pathlib import Path
from typing import Any, Literal, NamedTuple
from unicodedata import bidirectional

PREFERENCES = Path("Library/Preferences/.GlobalPreferences.plist")


def system_language() -> str:
    """A name such as "ru_RU" or "fa-IR"; "" where the system tells none."""
    if sys.platform == "win32":
        import ctypes
        from locale import windows_locale

        return windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage(), "")
    return apple_language(Path.home() / PREFERENCES) if sys.platform == "darwin" else ""


def apple_language(file: Path) -> str:
    """The first language of macOS's preferences."""
    from plistlib import InvalidFileException, load

    try:
        with file.open("rb") as data:
            return str(load(data)["AppleLanguages"][0])
    except (OSError, InvalidFileException, LookupError, TypeError):
        return ""


LINE = re.compile(r'(?:(msgctxt|msgid|msgid_plural|msgstr|msgstr\[\d\])\s+)?(".*")')
PLURAL = re.compile(r"plural=([^;]+)")

Messages = Mapping[tuple[str, str], tuple[str, ...]]
"""(context, English singular) -> the translated forms: one, or as many as the language has plurals."""


class Catalogue(NamedTuple):
    """The content of one file. `plural` gives the index of the form for a number."""

    messages: Messages
    headers: Mapping[str, str]
    plural: Callable[[int], int]


def read_catalogue(text: str) -> Catalogue:
    """Read the whole file. `ValueError` names a line that is not of this format."""
    entries = [_entry_fields(block) for block in re.split(r"\n\s*\n", text)]
    messages = {(e.get("msgctxt", ""), e["msgid"]): _plural_forms(e) for e in entries if e.get("msgid")}
    header = next((e["msgstr"] for e in entries if e.get("msgid") == ""), "")
    headers = dict(line.split(": ", 1) for line in header.splitlines() if ": " in line)
    rule = PLURAL.search(headers.get("Plural-Forms", ""))
    return Catalogue(
        {key: forms for key, forms in messages.items() if all(forms)}, headers, c2py(rule[1] if rule else "n != 1")
    )


def _entry_fields(block: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in block.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        match = LINE.fullmatch(line.strip())
        if match is None:
            raise ValueError(f"This is no line of a catalogue: {line!r}")
        name = match[1] or name
        fields[name] = fields.get(name, "") + json.loads(match[2])  # its escapes are those of JSON
    return fields


def _plural_forms(fields: Mapping[str, str]) -> tuple[str, ...]:
    if "msgid_plural" not in fields:
        return (fields.get("msgstr", ""),)
    return tuple(fields[name] for name in sorted(fields) if name.startswith("msgstr["))


FOLDER = Path(__file__).parents[1] / "languages"
VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")  # in the order in which gettext looks at them
ISOLATE, POP = "\u2068", "\u2069"
LATIN = re.compile(r"(\{\w+\})|`[^`]+`|[A-Za-z][A-Za-z0-9]*(?:[ ./-]+[A-Za-z0-9]+)*")


@dataclass(frozen=True)
class Language:
    """One language and its translations. `reviewed` is "name, date", "" where no speaker has reviewed it yet."""

    code: str
    messages: Messages
    plural: Callable[[int], int]
    direction: Literal["ltr", "rtl"] = "ltr"
    decimal: str = "."
    reviewed: str = ""

    def translate(self, context: str, text: str, plural: str, number: int) -> str:
        """The translation in the form for that number; English where there is none."""
        forms = self.messages.get((context, text))
        if forms is None:
            return text if number == 1 else plural
        return forms[self.plural(number)] if len(forms) > 1 else forms[0]

    def fill(self, text: str, values: Mapping[str, object]) -> str:
        """The text with its values filled in; in right-to-left text the values are isolated."""
        if self.direction == "ltr":
            return text.format_map(values)
        return text.format_map({name: self.isolate(str(value)) for name, value in values.items()})

    def isolate(self, value: str) -> str:
        """Isolate a name or number whose writing direction differs from this language's."""
        is_own = (
            self.direction == "ltr"
            or ISOLATE in value
            or any(letter.isalpha() and bidirectional(letter) in ("R", "AL") for letter in value)
        )
        return value if is_own else isolated(value)


ENGLISH = Language("en", {}, lambda number: int(number != 1), reviewed="the source")
_spoken: ContextVar[Language] = ContextVar("language", default=ENGLISH)


def language_codes() -> list[str]:
    """The codes of all languages, English first."""
    translated = (entry.name.removesuffix(".po") for entry in FOLDER.iterdir() if entry.name.endswith(".po"))
    return [ENGLISH.code, *sorted(translated)]


@cache
def language(code: str) -> Language:
    """The language of a code in `language_codes`."""
    if code == ENGLISH.code:
        return ENGLISH
    catalogue = read_catalogue(FOLDER.joinpath(f"{code}.po").read_text(encoding="utf-8"))
    right_to_left = catalogue.headers.get("X-Direction") == "rtl"
    isolate = latin_isolated if right_to_left else str
    reviewed = catalogue.headers.get("X-Reviewed", "no")
    return Language(
        code,
        {key: tuple(map(isolate, forms)) for key, forms in catalogue.messages.items()},
        catalogue.plural,
        "rtl" if right_to_left else "ltr",
        catalogue.headers.get("X-Decimal", "."),
        "" if reviewed == "no" else reviewed,
    )


def isolated(text: str) -> str:
    """The text inside a first-strong isolate (Unicode annex 9, section 2.4), so that it moves nothing around it."""
    return f"{ISOLATE}{text}{POP}"


def latin_isolated(text: str) -> str:
    """The text with each command and run of Latin words isolated. Placeholders are isolated by `Language.fill`."""
    return LATIN.sub(lambda match: match[1] or isolated(match[0]), text)


def choose_language(wanted: str | None = None, environment: Mapping[str, str] = os.environ) -> Language:
    """The language that was asked for, else the first known one that the environment names, or else the system, else
    English."""
    if wanted is not None:
        return language(wanted)
    named = next((environment[name] for name in VARIABLES if environment.get(name)), "") or system_language()
    known = language_codes()
    preferred = (re.split(r"[_.@-]", each)[0].lower() for each in named.split(":"))
    return language(next((code for code in preferred if code in known), ENGLISH.code))


@contextmanager
def speaking(spoken: Language) -> Iterator[None]:
    """A context in which `say` uses that language."""
    token = _spoken.set(spoken)
    try:
        yield
    finally:
        _spoken.reset(token)


def in_every_language(tell: Callable[[], Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What `tell` says in each language, by its code; with "lang" and "dir", the language and its direction."""
    told = {}
    for code in language_codes():
        with speaking(language(code)):
            told[code] = {"lang": code, "dir": spoken().direction, **tell()}
    return told


def spoken() -> Language:
    """The language in use now."""
    return _spoken.get()


# -- words -------------------------------------------------------------------------------------------------------


def say(context: str, text: str, /, **values: object) -> str:
    """Translate an English text and fill in its values. `context` tells equal English texts apart."""
    return spoken().fill(spoken().translate(context, text, text, 1), values)


def count(context: str, one: str, many: str, number: int, /, **values: object) -> str:
    """As `say`, in the singular or plural form for the number, which fills `{number}`."""
    numeral = f"{number:,}".replace(",", "\N{NO-BREAK SPACE}")
    return spoken().fill(spoken().translate(context, one, many, number), {"number": numeral, **values})


def listed(parts: Iterable[str]) -> str:
    """The parts joined as a list."""
    return say("list", ", ").join(map(spoken().isolate, parts))
