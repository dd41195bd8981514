"""Recorded shapes that the operator named: what is measured of calls like them counts, as what is of an app.

    shapes.toml    app (`like:` and a digest), name: one row for each shape, read at every start

The log keeps what is measured of every shape under its digest. Whoever sends a bundle may have made up its shape, so it
is counted in no table and no event until the operator knows what the shape is, and says so.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from talkpath.apps import apps
from talkpath.errors import FileError
from talkpath.observatory.data_files import rows_of_folder, write_rows

NAMED_SHAPES_FILE = "shapes.toml"

_names: dict[str, str] = {}
"""App -> name, of the observatory that this process has opened."""


class NamedShape(Struct, frozen=True, forbid_unknown_fields=True):
    """One shape: the app of its arm, and what people call it; "" in place of a name that was taken back."""

    app: Annotated[str, Meta(pattern=r"^like:[0-9a-f]{24}\Z")]
    name: Annotated[str, Meta(pattern=r"^([A-Za-z0-9][A-Za-z0-9 .,:+_/()-]{0,79})?\Z")]


def load_named_shapes(root: Path) -> dict[str, str]:
    """Count the shapes that are named in a folder from now on, and no others; return them. `FileError` where the file
    is damaged."""
    found = rows_of_folder(root / NAMED_SHAPES_FILE, "shape", NamedShape)
    _names.clear()
    _names.update({shape.app: shape.name for shape in found if shape.name})
    return dict(_names)


def is_counted_app(app: str) -> bool:
    """Whether what is measured of it counts: an app that this version knows, or a shape that was named."""
    return app in apps() or app in _names


def named_shape(app: str) -> str | None:
    """The name that the operator gave a shape."""
    return _names.get(app)


def name_shape(root: Path, app: str, name: str) -> None:
    """Write a shape's name into the folder; "" takes it back. `FileError` for what is no shape's app, or no name."""
    try:
        added = msgspec.convert({"app": app, "name": name}, NamedShape)
    except msgspec.ValidationError:
        raise FileError(
            "A shape is named by its app, as `talkpath observe shapes` lists it (like: and 24 hex digits), and a name "
            "of at most 80 Latin letters, digits and signs."
        ) from None
    every = load_named_shapes(root) | {added.app: added.name}
    named = (NamedShape(app, name) for app, name in sorted(every.items()) if name)
    write_rows(root / NAMED_SHAPES_FILE, "Shapes that are counted (talkpath observe shapes).", "shape", named)
    load_named_shapes(root)
