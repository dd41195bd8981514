"""Signs and reads the receipt of a session (spec/tp-003): the observations of the responder.

Contract: a `ReceiptStatement` holds no address. Bitmaps are those of tp-001: least significant bit first, bit i the
i-th slot of the epoch's schedule in that direction.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from talkpath.errors import WireError
from talkpath.wire.control.keys import Signer, is_signed

SCHEMA = "talkpath.receipt/1"
RECEIPT_PREFIX = b"talkpath receipt\n"  # prefix: a signature for another purpose is not valid for this one
NETWORK, COUNTRY = re.compile(r"AS[0-9]{1,10}"), re.compile(r"[A-Z]{2}")
HOUR_FORMAT, FIRST_YEAR = "%Y-%m-%dT%H:00:00Z", 2000
Digest = Annotated[bytes, Meta(min_length=32, max_length=32)]
"""A SHA-256."""
ADDRESS_CLASSES = ("home", "hosting", "unknown")


class SeenFlow(Struct, frozen=True, array_like=True, gc=False):
    """One flow. `role`, drawn from both seeds: "call", "random", "text", or "canary" (a text twin that withholds).

    `sent` are the packets that the responder sent down; `arrived` those that reached it before the epoch's cut, `late`
    those after it.
    """

    role: str
    sent: bytes
    arrived: bytes
    late: bytes = b""


class SeenEpoch(Struct, frozen=True, array_like=True, gc=False):
    """One epoch that the probe closed. `arm` is "app/variant/medium"."""

    number: int
    arm: str
    question: str
    flows: tuple[SeenFlow, ...]


class ReceiptStatement(Struct, frozen=True):
    """The whole receipt.

    `facts_digest` is the digest of the epochs from the probe's `Finish`, `run_digest` that of all other facts: plan,
    health, reach, exchanges, transports, times (`measure.facts_digest`). `network` ("AS64496") and `country` ("XX") are
    the responder's look-up of the address that it saw; "AS0", "ZZ" if it has no data. `started_at` and `ended_at` are
    when the session began and when the responder signed, by its own clock in UTC, to the hour: "" in virtual time.
    """

    probe_key: bytes
    responder_key: bytes
    probe_seed: bytes
    responder_seed: bytes
    facts_digest: Digest
    responder_class: str
    network: str
    country: str
    ended_at: str
    epochs: tuple[SeenEpoch, ...]
    run_digest: Digest
    started_at: str
    schema: str = SCHEMA


class ReceiptHead(Struct, frozen=True):
    """A receipt without its observations. Reading it costs a tenth."""

    probe_key: bytes
    responder_key: bytes
    responder_class: str
    network: str
    country: str
    ended_at: str
    run_digest: Digest
    started_at: str
    schema: str = SCHEMA


Signed = TypeVar("Signed", ReceiptStatement, ReceiptHead)

_statements = msgspec.msgpack.Decoder(ReceiptStatement)
_heads = msgspec.msgpack.Decoder(ReceiptHead)


def is_hour(text: str) -> bool:
    """Whether this is an hour of the calendar in UTC, as receipts and facts have it, or "" (virtual time).

    Readers count with days: one that no month has, or one at the beginning of the calendar, would make them fail.
    """
    with suppress(ValueError):
        hour = datetime.strptime(text, HOUR_FORMAT)
        return hour.year >= FIRST_YEAR and hour.strftime(HOUR_FORMAT) == text
    return not text


def seal_receipt(statement: ReceiptStatement, signer: Signer) -> tuple[bytes, bytes]:
    """Sign a receipt: (body, signature)."""
    body = msgspec.msgpack.encode(statement)
    return body, signer.sign(RECEIPT_PREFIX + body)


def unseal_receipt(body: bytes, signature: bytes) -> ReceiptStatement:
    """Read a receipt that is signed by the key in it; `WireError` for anything else."""
    return _unsealed_statement(_statements, body, signature)


def unseal_head(body: bytes, signature: bytes) -> ReceiptHead:
    """Read the head of a receipt and check the signature over all its bytes. Only `unseal_receipt` checks whether the
    rest is valid."""
    return _unsealed_statement(_heads, body, signature)


def _unsealed_statement(decoder: msgspec.msgpack.Decoder[Signed], body: bytes, signature: bytes) -> Signed:
    try:
        found = decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError("it is no receipt of tp-003") from error
    sound = (
        found.schema == SCHEMA
        and NETWORK.fullmatch(found.network)
        and COUNTRY.fullmatch(found.country)
        and is_hour(found.ended_at)
        and is_hour(found.started_at)
        and found.responder_class in ADDRESS_CLASSES
    )
    if not sound:  # its text is shown in files and on screens
        raise WireError("it says what no receipt says")
    if not is_signed(RECEIPT_PREFIX + body, signature, found.responder_key):
        raise WireError("its signature is wrong")
    return found
