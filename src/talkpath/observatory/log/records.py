"""The records of the log, one a line. A record stands alone: no other is needed to count it.

Contract: frozen, plain JSON. Days are of UTC as 2026-11-24, ids are SHA-256 in hex. `contributor` is the pseudonym of
whoever sent it under the day key `contributor_key` (0: not known); pseudonyms of two keys cannot be compared.

One row for each app and medium of a report; the open data and the index share its columns, which are filled in here.

OpenRow     open_data.py       adds what is published: parameters, transports, the version of the rules
ReportRow   index/fill.py      adds what is only counted: people, versions
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from msgspec import Struct

from talkpath.observatory.events.record import UNKNOWN_COUNTRY, UNKNOWN_NETWORK
from talkpath.observatory.log.named_shapes import is_counted_app

RecordSource = Literal["probe", "browser", "capture", "accompanied", "endpoints", "tap", "import"]
Placed = Literal["responder", "ingest", "import", ""]
"""Whose finding network and country are. Never the probe's word; "" where nobody found any (AS0, ZZ)."""

LoggedParameter = tuple[float | None, float | None, float | None] | str
"""(estimate, low, high) of a 95 % interval, or a category."""


class LoggedVerdict(Struct, frozen=True, array_like=True, gc=False):
    """One verdict on one app and medium. `family`: the version of IP of its calls, 0 where that is not known."""

    app: str
    medium: str
    state: str
    basis: str
    rule: str | None = None
    direction: str | None = None
    log10_e: float | None = None
    parameters: dict[str, LoggedParameter] = {}
    reason: str = ""
    family: int = 0


class LoggedTransports(Struct, frozen=True, array_like=True, gc=False):
    """The transports that carried a call of the app well enough to talk, and those that were tested and did not."""

    app: str
    medium: str
    carries: tuple[str, ...] = ()
    fails: tuple[str, ...] = ()


class LogRecord(Struct, frozen=True, omit_defaults=True):
    """What every record begins with: the id of what it is about, and the day on which that came in."""

    id: str
    day: str


class DatedRecord(LogRecord, frozen=True):
    """A record that also tells the day on which it was measured."""

    measured: str


class Received(LogRecord, frozen=True, tag="received"):
    """A bundle came in, whole and signed. It lies in the pack of segment `segment` from byte `at` on (packs.py).
    `withdraw` is the SHA-256 of the secret that takes it back ("" for none); `network` and `country` are this end's own
    finding of where it was sent from. `run` is the SHA-256 of what a test server signed of it: whoever has the key of a
    run can write any number of files of it, and it counts once."""

    size_bytes: int
    segment: int = 0
    at: int = 0
    withdraw: str = ""
    network: str = UNKNOWN_NETWORK
    country: str = UNKNOWN_COUNTRY
    contributor: int = 0
    contributor_key: int = 0
    run: str = ""


class Judged(DatedRecord, frozen=True, tag="judged"):
    """What a bundle's facts say by the rules of `rules_version`. With `again` it replaces an earlier record.

    `measured` is the day in the facts, `day` the one on which it came in. `responder` is the far end's public key as
    its verified receipt names it, `listed` whether somebody answers for that key.
    """

    rules_version: str
    source: RecordSource
    said: tuple[LoggedVerdict, ...]
    carried: tuple[LoggedTransports, ...] = ()
    network: str = UNKNOWN_NETWORK
    country: str = UNKNOWN_COUNTRY
    placed: Placed = ""
    responder: str = ""
    responder_class: str = "unknown"
    listed: bool = False
    contributor: int = 0
    contributor_key: int = 0
    simulated: bool = False
    again: bool = False


class Unfit(LogRecord, frozen=True, tag="unfit"):
    """A bundle that verified but could not be judged. It is not tried again by these rules. With `again` it replaces
    what older rules found in it, for the day `measured`."""

    rules_version: str
    why: str
    measured: str = ""
    again: bool = False


class Tap(DatedRecord, frozen=True, tag="tap"):
    """A person says that a call failed. `id` is the same for the same person, day, app and medium."""

    app: str
    medium: str
    network: str = UNKNOWN_NETWORK
    country: str = UNKNOWN_COUNTRY
    placed: Placed = ""
    contributor: int = 0
    contributor_key: int = 0
    simulated: bool = False


class Imported(DatedRecord, frozen=True, tag="imported"):
    """A measurement of another project. `origin` names the project, `id` is made from the measurement itself."""

    origin: str
    network: str
    country: str
    said: tuple[LoggedVerdict, ...]


class Withdrawn(DatedRecord, frozen=True, tag="withdrawn"):
    """The sender took the report back, or the operator did. `tombstone`: its day had been sealed already."""

    tombstone: bool = False
    reason: str = ""


Record = Received | Judged | Unfit | Tap | Imported | Withdrawn

_encoder: msgspec.json.Encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


def encode_record(record: Record) -> bytes:
    """The record as one line of JSON, without its end."""
    return _encoder.encode(record)


def decode_record(line: bytes) -> Record:
    """The record of a line; `msgspec.MsgspecError` for what is none."""
    return _decoder.decode(line)


Counted = Judged | Tap | Imported


class VerdictRow(Struct, frozen=True, kw_only=True, gc=False):
    """`report` is its id, `received` the day on which it came in. Of a tap `state` is "failed"."""

    report: str
    received: str
    country: str
    network: str
    app: str
    medium: str
    source: str
    basis: str
    state: str
    rule: str | None
    direction: str | None
    log10_e: float | None
    reason: str
    family: int = 0
    responder: str = ""
    responder_class: str = ""
    listed: bool = False
    placed: str
    simulated: bool


def verdict_rows(record: Counted) -> Iterator[tuple[LoggedVerdict, dict[str, Any]]]:
    """Each verdict of a record, with the columns of its row."""
    for verdict in _known_verdicts(record):
        yield (
            verdict,
            {
                "report": record.id,
                "received": record.day,
                "country": record.country,
                "network": record.network,
                "app": verdict.app,
                "medium": verdict.medium,
                "basis": verdict.basis,
                "state": verdict.state,
                "rule": verdict.rule,
                "direction": verdict.direction,
                "log10_e": verdict.log10_e,
                "reason": verdict.reason,
                "family": verdict.family,
                **_origin_columns(record),
            },
        )


def _known_verdicts(record: Counted) -> Iterator[LoggedVerdict]:
    """The verdicts of a record. An older version may have logged apps that do not exist: those are not
    counted, nor are recorded shapes that nobody named."""
    every = (LoggedVerdict(record.app, record.medium, "failed", "tap"),) if isinstance(record, Tap) else record.said
    yield from (verdict for verdict in every if is_counted_app(verdict.app))


def _origin_columns(record: Counted) -> dict[str, Any]:
    """The columns that say from whom a record came, and whose finding its place is."""
    if isinstance(record, Imported):
        return {"source": "import", "placed": "import", "simulated": False}
    own = {"placed": record.placed, "simulated": record.simulated}
    if isinstance(record, Tap):
        return {"source": "tap", **own}
    far_end = {name: getattr(record, name) for name in ("responder", "responder_class", "listed")}
    return {"source": record.source, **own, **far_end}
