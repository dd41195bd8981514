"""Bundles as attackers make them: a real check in virtual time, passed off as measured, changed and signed again."""

from __future__ import annotations

import gzip
import hashlib
import io
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from talkpath.capture.calls.records import measure_calls
from talkpath.capture.scan import scan_capture
from talkpath.evidence.archive import pack_archive
from talkpath.evidence.bundle import (
    BUNDLE_SIGNED_PREFIX,
    FACTS_PART,
    MANIFEST_PART,
    RECEIPT_PART,
    SECOND_PART,
    SIGNATURE_PART,
    VERDICT_PART,
    Manifest,
)
from talkpath.evidence.compression import compress
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Facts, SignedReceipt
from talkpath.measure.facts_digest import run_digest
from talkpath.report.check_json import judge_check
from talkpath.report.recordings.capture_json import capture_result
from talkpath.responder.geoip import NetworkOrigin
from talkpath.verdict.bases.calls_together import judge_recording
from talkpath.version import VERSION
from talkpath.wire.control.keys import Signer, raw_key_text
from talkpath.wire.control.receipt import HOUR_FORMAT, seal_receipt, unseal_receipt

ROOT = Path(__file__).parents[2]
CAPTURES = ROOT / "tests/capture/lab"
STARTED = datetime.now(UTC).strftime(HOUR_FORMAT)  # what came late counts nowhere


def named_signer(name: str) -> Signer:
    """The key pair of that name."""
    return Signer.of_seed(hashlib.sha256(f"attack {name}".encode()).digest())


@cache
def measured_facts(
    probe: str = "probe",
    server: str = "server",
    network: str = "AS64496",
    country: str = "XX",
    rules: tuple[str, ...] = (),
    seed: int = 1,
) -> Facts:
    """The facts of an ordinary check of WhatsApp's voice, with a valid receipt of a test server with that key."""
    scenario = Scenario.parse("clean", list(rules), seed)
    played = run_sim(make_plan(choose_arms(["whatsapp/relay60"])), scenario, where=NetworkOrigin(network, country))
    assert played.receipt is not None  # virtual servers sign
    key = named_signer(server)
    facts = replace(played, simulated=False, started_at=STARTED, responder_key=raw_key_text(key.public))
    statement = replace(
        unseal_receipt(played.receipt.body, played.receipt.signature),
        probe_key=named_signer(probe).public,
        responder_key=key.public,
        run_digest=run_digest(facts),
        started_at=STARTED,
        ended_at=STARTED,
    )
    return replace(facts, receipt=SignedReceipt(*seal_receipt(statement, key)))


def dated_facts(at: str) -> Facts:
    """The same with a receipt of that hour."""
    facts, key = measured_facts(), named_signer("server")
    assert facts.receipt is not None  # as it was made
    statement = unseal_receipt(facts.receipt.body, facts.receipt.signature)
    facts = replace(facts, started_at=at)
    statement = replace(statement, run_digest=run_digest(facts), started_at=at, ended_at=at)
    return replace(facts, receipt=SignedReceipt(*seal_receipt(statement, key)))


@cache
def stored_verdict() -> Any:
    """The verdict that the ordinary check stored."""
    return msgspec.json.decode(msgspec.json.encode(judge_check(measured_facts())[1]))


def plain_record(record: Any) -> Any:
    """A record as dictionaries and lists, to be changed at will."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(record), strict=False)


def signed_parts(parts: dict[str, bytes], kind: str, key: Signer, written_by: str = f"talkpath/{VERSION}") -> bytes:
    """Any parts as a bundle, signed with that key."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()}
    manifest = Manifest("talkpath.bundle/2", kind, written_by, raw_key_text(key.public), digests)
    encoded = msgspec.json.encode(manifest)
    return pack_archive({MANIFEST_PART: encoded, **parts, SIGNATURE_PART: key.sign(BUNDLE_SIGNED_PREFIX + encoded)})


def forged_check(
    facts: Any,
    verdict: Any = None,
    probe: str = "probe",
    written_by: str = f"talkpath/{VERSION}",
    second: bytes = b"",
) -> bytes:
    """A check's bundle of these facts (a record, or its plain form); a receipt in them becomes a part of its own.
    `second` is the bundle of a check with a second test server."""
    record = plain_record(facts) if isinstance(facts, Facts) else dict(facts)
    receipt = record.pop("receipt", None)
    parts = {FACTS_PART: compress(msgspec.msgpack.encode(record))}
    if receipt is not None:
        parts[RECEIPT_PART] = compress(msgspec.msgpack.encode(receipt))
    parts[VERDICT_PART] = compress(msgspec.json.encode({**(verdict or stored_verdict()), "started_at": STARTED}))
    if second:
        parts[SECOND_PART] = second
    return signed_parts(parts, "check", named_signer(probe), written_by)


@cache
def _recorded_findings() -> tuple[Any, Any]:
    found = measure_calls(
        scan_capture(io.BytesIO(gzip.decompress((CAPTURES / "drop30-up.pcap.gz").read_bytes())))
    ).findings
    return plain_record(found), msgspec.json.decode(msgspec.json.encode(capture_result("-", judge_recording(found))))


def forged_recording(change: dict[str, Any], probe: str = "probe") -> bytes:
    """A recording's bundle whose first call has other values: `change` maps a path as "streams.0.kbps" to a value."""
    facts, verdict = plain_record(_recorded_findings()[0]), _recorded_findings()[1]
    for path, value in change.items():
        *names, last = path.split(".")
        holder = facts["calls"][0]
        for name in names:
            holder = holder[int(name)] if isinstance(holder, list) else holder[name]
        holder[int(last) if isinstance(holder, list) else last] = value
    parts = {FACTS_PART: compress(msgspec.msgpack.encode(facts)), VERDICT_PART: compress(msgspec.json.encode(verdict))}
    return signed_parts(parts, "capture", named_signer(probe))
