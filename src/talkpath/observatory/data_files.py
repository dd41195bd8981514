"""The TOML files that come with the observatory (data/), and how such files are read."""

from __future__ import annotations

from importlib.resources import files
from typing import TypeVar

import msgspec
from msgspec import Struct

from talkpath.errors import FileError

DATA_FOLDER = files("talkpath.observatory") / "data"
Row = TypeVar("Row", bound=Struct)


def decode_toml(name: str, data: bytes | str, kind: type[Row]) -> Row:
    """A TOML file as a record; `FileError` names the file and what is wrong."""
    try:
        return msgspec.toml.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FileError(f"{name} is not as its record wants it: {error}. Mend it first.") from None


def toml_rows(name: str, data: bytes | str, key: str, kind: type[Row]) -> tuple[Row, ...]:
    """The rows of a TOML file that holds one table of them and nothing else, as [[claim]]."""
    table = msgspec.defstruct("Table", [(key, tuple[kind, ...], ())], forbid_unknown_fields=True)  # type: ignore[valid-type]
    rows: tuple[Row, ...] = getattr(decode_toml(name, data, table), key)
    return rows


def packaged_rows(name: str, key: str, kind: type[Row]) -> tuple[Row, ...]:
    """The rows of a file that comes with the observatory."""
    return toml_rows(name, (DATA_FOLDER / name).read_bytes(), key, kind)
