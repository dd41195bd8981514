"""Whose key is it? KnownResponders whose operators are known (spec/tp-003).

The list that comes with talkpath may be empty.

Is the operator of a check's test server known? If not, the words admit that the server may be the cause.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from talkpath.errors import FileError
from talkpath.measure.facts import Facts


def has_known_server(facts: Facts) -> bool:
    """Is the server's key in the list that comes with talkpath, or the server the lab's own?

    A server can drop one app's packets itself, or lie in its report; nothing in a check tells that from a network that
    does so. Without a receipt the key is the word of whoever wrote the facts, who may name any server.
    """
    return facts.simulated or (facts.receipt is not None and facts.responder_key in known_operators())


class KnownResponder(Struct, frozen=True):
    """One responder: its public key, and who runs it."""

    key: str
    operator: str


class KnownResponders(Struct, frozen=True):
    """The file of known responders."""

    schema: Literal["talkpath.responders/1"]
    responders: tuple[KnownResponder, ...]


def known_operators(file: Path | None = None) -> Mapping[str, str]:
    """Key -> operator, from a file or from the list that comes with talkpath. `FileError` for an invalid file."""
    place = files("talkpath.evidence").joinpath("responders.json") if file is None else file
    try:
        found = msgspec.json.decode(place.read_bytes(), type=KnownResponders)
    except (OSError, msgspec.MsgspecError):
        raise FileError("The list of responders cannot be read, or is none (spec/tp-003).") from None
    return {one.key: one.operator for one in found.responders}
