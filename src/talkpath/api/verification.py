"""Says whose word a bundle is: what a test server signed, and what only the device that measured says.

It reads evidence bundles from files or from memory, and judges their facts again by the rules of this talkpath.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talkpath.evidence.bundle import Bundle
from talkpath.evidence.bundle import read_bundle as _decode
from talkpath.evidence.file import read_bytes
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
        **(
            {"ends": [_receipt_words(end, operators) for end in (stored.first, stored.second) if end]}
            if stored.paired
            else {}
        ),
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


if TYPE_CHECKING:
    from talkpath.report.rejudge import Judgement

BundleSource = str | Path | bytes
"""Where a bundle is: a path, or its bytes."""


def read_bundle(source: BundleSource) -> Bundle:
    """Read a bundle (spec/tp-003) and check that every bit is as it was signed.

    `source` is a path or the bytes of the file. `BundleError` where the file was changed, is damaged or is no bundle;
    `FileError` where it cannot be read.
    """
    return _decode(source if isinstance(source, bytes) else read_bytes(Path(source)))


def read_once(source: BundleSource | Bundle) -> Bundle:
    """The bundle itself where it was read already."""
    return source if isinstance(source, Bundle) else read_bundle(source)


def judge(bundle: BundleSource | Bundle) -> Judgement:
    """Compute the verdicts of a stored check or recording again, from its facts alone.

    `BundleError` and `UsageError` as for `read_bundle`.
    """
    from talkpath.report.rejudge import rejudge

    return rejudge(read_once(bundle))
