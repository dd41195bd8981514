"""The TOML files that come with the observatory (data/) or lie in its folder, and how they are read and written."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from talkpath.errors import FileError
from talkpath.serving.private_files import replace_file

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


def rows_of_folder(file: Path, key: str, kind: type[Row]) -> tuple[Row, ...]:
    """The rows of an observatory's own file; none where there is no such file."""
    return toml_rows(file.name, file.read_bytes(), key, kind) if file.exists() else ()


def write_rows(file: Path, head: str, key: str, rows: Iterable[Struct]) -> None:
    """Replace an observatory's own file of such rows, of texts alone; `head` is its comment."""
    fields = [{name: msgspec.json.encode(text).decode() for name, text in asdict(row).items()} for row in rows]
    tables = (f"[[{key}]]\n" + "".join(f"{name} = {text}\n" for name, text in row.items()) for row in fields)
    replace_file(file, "\n".join([f"# {head}\n", *tables]).encode())
