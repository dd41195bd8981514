"""The TOML files that come with the observatory (data/), and how such files are read."""

from __future__ import annotations

from importlib.resources import files
from typing import TypeVar

import msgspec
from msgspec import Struct

from talkpath.errors import FileError

DATA_FOLDER = files("talkpath.observatory") / "data"
Row = TypeVar("Row", bound=Struct)


def decode_toml(name: str, text: str, kind: type[Row]) -> Row:
    """A TOML file as a record; `FileError` names the file and what is wrong."""
    try:
        return msgspec.toml.decode(text, type=kind)
    except msgspec.MsgspecError as error:
        raise FileError(f"{name} is not as its record wants it: {error}.") from None
