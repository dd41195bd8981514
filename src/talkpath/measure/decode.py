"""Decodes stored records, within their bounds and without more work than a judge is built for.

Contract: these functions raise only `BundleError`, with one sentence, whatever the bytes are. Oversized input is
refused before it is unpacked.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from talkpath.errors import BundleError
from talkpath.measure.call import Findings
from talkpath.measure.endpoint_facts import EndpointFacts
from talkpath.measure.facts import Facts
from talkpath.measure.question_text import stored_question
from talkpath.measure.validate import validate_facts, validate_findings
from talkpath.measure.validate_endpoints import validate_endpoint_facts
from talkpath.measure.work import Work, facts_work

# Above the largest check: `--deep --video` of all apps, everything restricted.
MOST_FACTS_BYTES: Final = 16 << 20
MOST_ENDPOINT_BYTES: Final = 1 << 20
MOST_CELLS: Final = 20_000_000  # some 25 bytes each while it is judged
MOST_SLOTS_IN_ALL: Final = 400_000
MOST_EPOCHS_OF_AN_ARM: Final = 200
MOST_JUDGING_S: Final = 300.0

_facts = msgspec.msgpack.Decoder(Facts)
_findings = msgspec.msgpack.Decoder(Findings)
_endpoints = msgspec.msgpack.Decoder(EndpointFacts)
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def decode_facts(data: bytes) -> Facts:
    """Decode the facts of a check from MessagePack."""
    require_bounded_work(data)
    try:
        facts = _decode_facts(data)
    except _UNREADABLE:
        raise BundleError("The bundle holds facts that no check writes.") from None
    validate_facts(facts)
    return facts


def _decode_facts(data: bytes) -> Facts:
    """Decode the facts; where questions are a word and a value, as `talkpath.facts/1` had them, they are converted."""
    try:
        return _facts.decode(data)
    except msgspec.ValidationError:
        stored = msgspec.msgpack.decode(data, type=dict[str, Any])
        epochs = msgspec.convert(stored.get("epochs", ()), list[dict[str, Any]])
        for epoch in epochs:
            if isinstance(epoch.get("question"), str):
                epoch["question"] = stored_question(epoch["question"], epoch.pop("value", None))
        return msgspec.convert(stored | {"epochs": epochs}, Facts)


def decode_findings(data: bytes) -> Findings:
    """Decode the findings of a recording from MessagePack."""
    if len(data) > MOST_FACTS_BYTES:
        raise BundleError("The bundle holds more findings than any recording gives.")
    try:
        findings = _findings.decode(data)
    except _UNREADABLE:
        raise BundleError("The bundle holds findings that no recording gives.") from None
    validate_findings(findings)
    return findings


def decode_endpoint_facts(data: bytes) -> EndpointFacts:
    """Decode the facts of a run of `talkpath endpoints` from MessagePack. Their bounds bound the work of judging."""
    if len(data) > MOST_ENDPOINT_BYTES:
        raise BundleError("The bundle holds more answers of servers than any run asks for.")
    try:
        facts = _endpoints.decode(data)
    except _UNREADABLE:
        raise BundleError("The bundle holds answers of servers that no run writes.") from None
    validate_endpoint_facts(facts)
    return facts


def require_bounded_work(data: bytes) -> Work:
    """Return what judging these facts (MessagePack) would cost; `BundleError` if that is more than any check costs."""
    if len(data) > MOST_FACTS_BYTES:
        raise BundleError("The bundle holds more facts than any check writes.")
    try:
        work = facts_work(data)
    except _UNREADABLE:
        raise BundleError("The bundle holds facts that no check writes.") from None
    wide = work.cells > MOST_CELLS or work.slots > MOST_SLOTS_IN_ALL
    if wide or work.epochs > MOST_EPOCHS_OF_AN_ARM or work.seconds > MOST_JUDGING_S:
        raise BundleError("The bundle holds more epochs, flows and packets than any check has.")
    return work
