"""Whose key is it? Responders whose operators are known (spec/tp-003).

The list that comes with talkpath may be empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from talkpath.errors import UsageError


class Listed(Struct, frozen=True):
    """One responder: its public key, and who answers for it."""

    key: str
    operator: str


class Responders(Struct, frozen=True):
    """The file."""

    schema: Literal["talkpath.responders/1"]
    responders: tuple[Listed, ...]


def listed(file: Path | None = None) -> Mapping[str, str]:
    """Key -> operator, from a file or from the list that comes with talkpath. `UsageError` for a file that is none."""
    place = files("talkpath.evidence").joinpath("responders.json") if file is None else file
    try:
        found = msgspec.json.decode(place.read_bytes(), type=Responders)
    except (OSError, msgspec.MsgspecError):
        raise UsageError("The list of responders cannot be read, or is none (spec/tp-003).") from None
    return {one.key: one.operator for one in found.responders}
