"""Tells whose a key is: the test servers whose operators are known (spec/tp-003), and the lab.

The list that comes with talkpath may be empty. Where the operator of a check's test server is not known, the words
admit that the server may be the cause.

The lab's signing keys. Everybody can compute them, so that their signatures prove nothing, and `verify` says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from talkpath.errors import FileError, in_place_of
from talkpath.measure.facts import Facts
from talkpath.wire.control.keys import Signer, raw_key_text


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
    with in_place_of(
        (OSError, msgspec.MsgspecError), FileError("The list of responders cannot be read, or is none (spec/tp-003).")
    ):
        found = msgspec.json.decode(place.read_bytes(), type=KnownResponders)
    return {one.key: one.operator for one in found.responders}


def probe_signer() -> Signer:
    """The key that signs the lab's bundles."""
    return Signer.of_seed(hashlib.sha256(b"talkpath simulation: probe").digest())


def responder_signer() -> Signer:
    """The key that signs the receipts of the lab's responders."""
    return Signer.of_seed(hashlib.sha256(b"talkpath simulation: responder").digest())


def is_simulation_key(key: str) -> bool:
    """Whether it is one of the lab's public keys."""
    return key in _simulation_keys()


@cache
def _simulation_keys() -> frozenset[str]:
    """Cached: making a public key takes as long as verifying a signature, and an observatory asks for every bundle."""
    return frozenset(raw_key_text(signer.public) for signer in (probe_signer(), responder_signer()))
