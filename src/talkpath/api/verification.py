"""Says whose word a bundle is: what a test server signed, and what only the device that measured says."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from talkpath.api.stored_verdicts import BundleSource, read_once
from talkpath.evidence.bundle import Bundle
from talkpath.evidence.receipt_check import binds_whole_run

SCHEMA = "talkpath.verify/1"


@dataclass(frozen=True, slots=True)
class Verification:
    """A bundle whose every bit is as it was signed, and who signed it."""

    kind: str
    """"check", "capture", "endpoints", or "paired"."""

    signed_by_server: bool
    """Did a test server sign what it saw of this check?"""

    operator: str
    """Who runs that server, by the list of known servers; "" where its key is in no list."""

    simulated: bool
    """Was it made by the lab? Then it proves nothing of any real network."""

    record: dict[str, Any] = field(repr=False)
    """The JSON object that `talkpath verify --json` prints."""


def verify(bundle: BundleSource | Bundle, *, responders: str | Path | None = None) -> Verification:
    """Check offline that a bundle is as it was signed, and say whose word is in it.

    `responders` is a file of known test servers (spec/tp-003); without it the list that comes with talkpath is used.
    `BundleError` where a bit was changed, a part is missing, or the receipt is that of another check.
    """
    from talkpath.evidence.known_responders import known_operators

    operators = known_operators(None if responders is None else Path(responders))
    stored = read_once(bundle)
    receipt = _receipt_words(stored, operators)
    record = {
        "schema": SCHEMA,
        "kind": stored.kind,
        "key": stored.key,
        "written_by": stored.written_by,
        "started_at": stored.started_at,
        "simulated": stored.simulated,
        "receipt": receipt,
    }
    if stored.second is not None and stored.paired is None:
        record["second"] = {"key": stored.second.key, "receipt": _receipt_words(stored.second, operators)}
    return Verification(
        kind=stored.kind,
        signed_by_server=receipt is not None,
        operator=receipt["operator"] if receipt else "",
        simulated=stored.simulated,
        record=record,
    )


def _receipt_words(stored: Bundle, operators: Any) -> dict[str, Any] | None:
    """What the receipt tells of its server and of where the check came from."""
    from talkpath.wire.control.keys import raw_key_text

    if stored.receipt is None:
        return None
    key = raw_key_text(stored.receipt.responder_key)
    return {
        "responder": key,
        "operator": operators.get(key, ""),
        "class": stored.receipt.responder_class,
        "network": stored.receipt.network,
        "country": stored.receipt.country,
        "ended_at": stored.receipt.ended_at,
        "epochs": len(stored.receipt.epochs),
        "started_at": stored.receipt.started_at,
        "binds": "all" if stored.facts is not None and binds_whole_run(stored.facts, stored.receipt) else "epochs",
    }
