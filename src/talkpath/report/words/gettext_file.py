"""Reads a gettext catalogue (.po): the file that translators edit, so there is no compiled copy to keep current.

It reads the part of the format (GNU gettext manual, "The Format of PO Files") that is used here: `msgctxt`, `msgid`,
`msgid_plural`, `msgstr`, `msgstr[n]`, strings over several lines, comments; entries separated by an empty line. An
empty `msgstr` is no translation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from gettext import c2py
from typing import NamedTuple

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
