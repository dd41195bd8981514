"""Countries: their names in the reader's language, and their squares on the map (data/countries.json).

The file is written by proof/pages/write_countries.py. Names are those of Unicode's CLDR.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import msgspec

from talkpath.observatory.data_files import DATA_FOLDER
from talkpath.report.words.language import say, spoken

MADE_UP = "XX"


def country_name(code: str) -> str:
    """The country's name in the current language; the code where it has none."""
    if code == MADE_UP:
        return say("country", "made-up country XX")
    return _squares_table().get(code, {}).get(spoken().code, code)


def country_names(code: str) -> tuple[str, ...]:
    """Its names in every language."""
    return (country_name(code), *_squares_table().get(code, {}).values())


@cache
def country_squares() -> Mapping[str, tuple[int, int]]:
    """Country -> (column, row) of its square on the map."""
    found = msgspec.json.decode(_squares_text(), type=dict[str, dict[str, tuple[int, int] | str]])
    return {code: place for code, known in found.items() if isinstance(place := known["at"], tuple)}


@cache
def _squares_table() -> Mapping[str, Mapping[str, str]]:
    found = msgspec.json.decode(_squares_text(), type=dict[str, dict[str, tuple[int, int] | str]])
    return {
        code: {name: value for name, value in known.items() if isinstance(value, str)} for code, known in found.items()
    }


def _squares_text() -> bytes:
    return (DATA_FOLDER / "countries.json").read_bytes()
