"""A bundle (spec/tp-003): one signed file with the facts of a check or a recording and the verdicts of the day.

Contract: `read_bundle` reads back what `write_*` returns, and nothing else: a changed bit anywhere, a part that is
missing or belongs to another bundle, a receipt of another run is a `BundleError`. Times are kept to the hour, so that
whoever passes a bundle on tells no more than that. No part holds an address.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from talkpath.errors import UNREADABLE, BundleError, UsageError, in_place_of
from talkpath.evidence.archive import pack_archive, unpack_archive
from talkpath.evidence.compression import compress, decompress
from talkpath.evidence.known_responders import is_simulation_key
from talkpath.evidence.receipt_check import MOST_BETWEEN_CHECKS, open_head, open_receipt, time_apart
from talkpath.evidence.stored_verdict import read_stored_verdict
from talkpath.measure.call import Findings
from talkpath.measure.decode import (
    MOST_ENDPOINT_BYTES,
    MOST_FACTS_BYTES,
    decode_endpoint_facts,
    decode_facts,
    decode_findings,
)
from talkpath.measure.endpoint_facts import EndpointFacts
from talkpath.measure.facts import Facts, SignedReceipt
from talkpath.measure.facts_digest import HOUR_CHARACTERS
from talkpath.measure.paired_call import MOST_PAIRED_BYTES, PairedCallFacts, decode_paired_call
from talkpath.version import VERSION
from talkpath.wire.control.keys import Signer, is_signed, raw_key, raw_key_text
from talkpath.wire.control.receipt import ReceiptHead, ReceiptStatement, is_hour

SCHEMA = "talkpath.bundle/2"
BUNDLE_SIGNED_PREFIX = b"talkpath bundle\n"  # a signature of another purpose never passes for one of this
MANIFEST_PART = "manifest.json"
FACTS_PART = "facts.msgpack.gz"
RECEIPT_PART = "receipt.msgpack.gz"
VERDICT_PART = "verdict.json.gz"
FIRST_PART, SECOND_PART = "first.talkpath", "second.talkpath"
SIGNATURE_PART = "signature"
PARTS_OF_KIND: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "check": (
        (FACTS_PART, RECEIPT_PART, VERDICT_PART),
        (FACTS_PART, VERDICT_PART),
        (FACTS_PART, RECEIPT_PART, VERDICT_PART, SECOND_PART),
        (FACTS_PART, VERDICT_PART, SECOND_PART),
    ),
    "capture": ((FACTS_PART, VERDICT_PART),),
    "endpoints": ((FACTS_PART, VERDICT_PART),),
    "paired": (
        (FACTS_PART, VERDICT_PART),
        (FACTS_PART, VERDICT_PART, FIRST_PART),
        (FACTS_PART, VERDICT_PART, SECOND_PART),
        (FACTS_PART, VERDICT_PART, FIRST_PART, SECOND_PART),
    ),
}
"""Kind of bundle -> the lists of parts between manifest and signature that it may have."""
MAX_BUNDLE_BYTES, MAX_RECEIPT_BYTES, MAX_FACTS_BYTES = 16 << 20, 1 << 20, MOST_FACTS_BYTES
MAX_VERDICT_BYTES: Mapping[str, int] = {"check": 2 << 20, "capture": 16 << 20, "endpoints": 4 << 20, "paired": 1 << 20}
"""The most that the stored verdict unpacks to. That of eight restricted arms takes 0.02 MB."""
WRITER_PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9_.+-]*/[A-Za-z0-9_.+-]+")
MAX_WRITER_CHARACTERS = 40
WITHOUT_PAGE = "There is no page of a call between two phones; `talkpath judge` prints what it says."
MEASURED_TOO_LONG = "What was measured is too long for one bundle; record a shorter part."


class FormatVersionError(BundleError):
    """A bundle of an older or newer form, which this talkpath does not read. Nothing else is wrong with it."""


class Manifest(Struct, frozen=True):
    """A bundle's table of contents: `key` is the run's public key, `parts` the SHA-256 of each part in the file."""

    schema: str
    kind: str
    written_by: str
    key: str
    parts: dict[str, str]


_manifests = msgspec.json.Decoder(Manifest)


class Seal(Struct, frozen=True):
    """A bundle that is complete and signed, its facts not unpacked: its kind, its key, the head of its receipt, and the
    SHA-256 of what the test server signed, which tells one run from another ("" for none)."""

    kind: str
    key: str
    receipt: ReceiptHead | None
    run: str = ""

    @property
    def simulated(self) -> bool:
        """Whether the lab signed it, at either end."""
        keys = [self.key] + ([raw_key_text(self.receipt.responder_key)] if self.receipt else [])
        return any(map(is_simulation_key, keys))


class UnverifiedBundle(NamedTuple):
    """A file whose parts are those that its manifest names, and whose signature is not verified yet."""

    manifest: Manifest
    parts: Mapping[str, bytes]
    receipt: SignedReceipt | None

    def seal(self) -> Seal:
        """Verify the signatures; `BundleError` where one is wrong."""
        key, kind = _verify_signature(self.manifest, self.parts), self.manifest.kind
        head, run = None, ""
        if self.receipt is not None:
            head, run = open_head(self.receipt, key), hashlib.sha256(self.receipt.body).hexdigest()
        return Seal(kind, self.manifest.key, head, run)


class Bundle(Struct, frozen=True):
    """A bundle that was read and verified. A check has `facts`, a recording `findings`, and a run that asked an app's
    own servers `endpoints`.

    `verdict` is the JSON object of the day when it was written, `receipt` what the responder signed. `second` is the
    bundle of a second check: with another test server, or over the other version of IP. Of a call between two phones
    `paired` has the counts, `first` and `second` the checks of the two ends, None where an end had none.
    """

    kind: str
    verdict: dict[str, Any]
    key: str
    written_by: str
    facts: Facts | None = None
    findings: Findings | None = None
    receipt: ReceiptStatement | None = None
    second: Bundle | None = None
    endpoints: EndpointFacts | None = None
    paired: PairedCallFacts | None = None
    first: Bundle | None = None

    @property
    def simulated(self) -> bool:
        """Whether the lab made it."""
        parts = self.facts, self.endpoints, self.first, self.second
        return is_simulation_key(self.key) or any(part.simulated for part in parts if part is not None)

    @property
    def started_at(self) -> str:
        """The hour in which it was measured, "" where it does not tell."""
        measured = self.facts or self.endpoints or self.paired
        return measured.started_at if measured is not None else ""


def write_check(facts: Facts, verdict: Mapping[str, Any], signer: Signer, second: bytes = b"") -> bytes:
    """Write the bundle of a check. A receipt that does not fit the facts is left out (see `has_receipt`). `second` is
    the bundle of a second check."""
    hour = cut_to_hour(facts.started_at)
    kept = replace(facts, started_at=hour, receipt=facts.receipt if has_receipt(facts, signer) else None)
    parts = {
        FACTS_PART: compress(msgspec.msgpack.encode(replace(kept, receipt=None))),
        RECEIPT_PART: compress(msgspec.msgpack.encode(kept.receipt)) if kept.receipt is not None else b"",
        **_verdict_part("check", _hourly_verdict(verdict, hour)),
        SECOND_PART: second,
    }
    return _sign_parts("check", parts, signer)


def _hourly_verdict(verdict: Mapping[str, Any], hour: str) -> dict[str, Any]:
    """The JSON object, its times cut to the hour."""
    parts = {part: verdict[part] for part in ("second", "other_family") if part in verdict}
    cut = {name: {**part, "started_at": cut_to_hour(part["started_at"])} for name, part in parts.items()}
    return {**verdict, "started_at": hour, **cut}


def write_capture(findings: Findings, verdict: Mapping[str, Any], signer: Signer) -> bytes:
    """Write the bundle of a recording. The file's name is left out, since people name files after people."""
    facts = _compress_part(msgspec.msgpack.encode(findings), MAX_FACTS_BYTES)
    return _sign_parts("capture", {FACTS_PART: facts, **_verdict_part("capture", {**verdict, "file": "-"})}, signer)


def write_endpoints(facts: EndpointFacts, verdict: Mapping[str, Any], signer: Signer) -> bytes:
    """Write the bundle of a run that asked an app's own servers. Nobody but this device signs it."""
    hour = cut_to_hour(facts.started_at)
    packed = _compress_part(msgspec.msgpack.encode(replace(facts, started_at=hour)), MOST_ENDPOINT_BYTES)
    stored = _verdict_part("endpoints", {**verdict, "started_at": hour})
    return _sign_parts("endpoints", {FACTS_PART: packed, **stored}, signer)


def write_paired(
    facts: PairedCallFacts, verdict: Mapping[str, Any], signer: Signer, first: bytes = b"", second: bytes = b""
) -> bytes:
    """Write the bundle of a call between two phones; `first` and `second` are the bundles of the ends' own checks, b""
    where there is none. The signer vouches for neither: each end's counts are its own word."""
    parts = {
        FACTS_PART: compress(msgspec.msgpack.encode(facts)),
        **_verdict_part("paired", verdict),
        FIRST_PART: first,
        SECOND_PART: second,
    }
    return _sign_parts("paired", parts, signer)


def _verdict_part(kind: str, verdict: Mapping[str, Any]) -> dict[str, bytes]:
    return {VERDICT_PART: _compress_part(msgspec.json.encode(verdict), MAX_VERDICT_BYTES[kind])}


def _compress_part(data: bytes, max_bytes: int) -> bytes:
    """Compress a part; `UsageError` where it is longer than a reader takes."""
    if len(data) > max_bytes:
        raise UsageError(MEASURED_TOO_LONG)
    return compress(data)


def has_receipt(facts: Facts, signer: Signer) -> bool:
    """Whether the responder signed what was measured, for this key, in no more bytes than a bundle's reader takes."""
    if facts.receipt is not None and len(msgspec.msgpack.encode(facts.receipt)) > MAX_RECEIPT_BYTES:
        return False
    try:
        return open_receipt(facts, signer.public) is not None
    except BundleError:
        return False


def cut_to_hour(time: str) -> str:
    """Cut an RFC 3339 time in UTC to its hour; "" stays ""."""
    return f"{time[:HOUR_CHARACTERS]}:00:00Z" if time else ""


def read_bundle(data: bytes) -> Bundle:
    """Read a bundle and verify that every bit is as it was written; `BundleError` otherwise."""
    manifest, parts = _open_parts(data)
    _verify_signature(manifest, parts)
    try:
        return _decode_bundle(manifest, parts)
    except UNREADABLE as error:
        raise BundleError("A part of the bundle is not what it should be.") from error


def read_seal(data: bytes) -> Seal:
    """Verify cheaply that every bit is as it was signed: only the receipt is unpacked, 1 MB at most.

    `read_bundle` also checks that the facts are within their bounds, and that the receipt agrees with them.
    """
    return read_unverified(data).seal()


def read_unverified(data: bytes) -> UnverifiedBundle:
    """Do the first half of `read_seal`, up to the signatures.

    Hashing many files and then verifying many signatures is faster than both by turns.
    """
    manifest, parts = _open_parts(data)
    if RECEIPT_PART not in parts:
        return UnverifiedBundle(manifest, parts, None)
    with in_place_of(
        UNREADABLE,
        BundleError("A part of the bundle is not what it should be."),
    ):
        receipt = msgspec.msgpack.decode(decompress(parts[RECEIPT_PART], MAX_RECEIPT_BYTES), type=SignedReceipt)
    return UnverifiedBundle(manifest, parts, receipt)


def _open_parts(data: bytes) -> tuple[Manifest, dict[str, bytes]]:
    """Check the file as far as possible without unpacking a part or verifying a signature."""
    if len(data) > MAX_BUNDLE_BYTES:
        raise BundleError("The file is larger than any bundle; it is not one of ours.")
    parts = unpack_archive(data)
    with in_place_of(
        UNREADABLE,
        BundleError("The bundle has no readable manifest; it is damaged, or not one of ours."),
    ):
        manifest = _manifests.decode(parts.get(MANIFEST_PART, b""))
    if manifest.schema != SCHEMA:
        raise FormatVersionError(
            "The bundle has a form that this talkpath does not read; read it with the one that wrote it."
        )
    _check_parts(manifest, parts)
    return manifest, parts


def read_facts(data: bytes) -> Facts:
    """Read the facts of a check's bundle."""
    facts = read_bundle(data).facts
    if facts is None:
        raise BundleError("The bundle holds a recording, or what an app's own servers answered, not a check.")
    return facts


def _check_parts(manifest: Manifest, parts: Mapping[str, bytes]) -> None:
    """Check that the parts are complete, in order, and those of the manifest."""
    inner = tuple(parts)[1:-1]
    if tuple(parts) != (MANIFEST_PART, *inner, SIGNATURE_PART) or inner not in PARTS_OF_KIND.get(manifest.kind, ()):
        raise BundleError("A part of the bundle is missing, or one is there that does not belong.")
    if not WRITER_PATTERN.fullmatch(manifest.written_by) or len(manifest.written_by) > MAX_WRITER_CHARACTERS:
        raise BundleError("The bundle's manifest names as its writer what is no program's name and version.")
    if manifest.parts != _part_digests({name: parts[name] for name in inner}):
        raise BundleError("The bundle was changed after it was written: a part is not the one that was signed.")


def _verify_signature(manifest: Manifest, parts: Mapping[str, bytes]) -> bytes:
    """Verify the manifest's signature and return the key of the run."""
    key = raw_key(manifest.key)
    if not is_signed(BUNDLE_SIGNED_PREFIX + parts[MANIFEST_PART], parts[SIGNATURE_PART], key):
        raise BundleError("The bundle was changed after it was signed.")
    return key


def _decode_bundle(manifest: Manifest, parts: Mapping[str, bytes]) -> Bundle:
    verdict = read_stored_verdict(manifest.kind, decompress(parts[VERDICT_PART], MAX_VERDICT_BYTES[manifest.kind]))
    bundle = Bundle(kind=manifest.kind, verdict=verdict, key=manifest.key, written_by=manifest.written_by)
    if manifest.kind == "capture":
        return replace(bundle, findings=decode_findings(decompress(parts[FACTS_PART], MAX_FACTS_BYTES)))
    if manifest.kind == "endpoints":
        return replace(bundle, endpoints=decode_endpoint_facts(decompress(parts[FACTS_PART], MOST_ENDPOINT_BYTES)))
    if manifest.kind == "paired":
        paired = decode_paired_call(decompress(parts[FACTS_PART], MOST_PAIRED_BYTES))
        return _with_ends(replace(bundle, paired=paired), parts)
    facts = decode_facts(decompress(parts[FACTS_PART], MAX_FACTS_BYTES))
    if RECEIPT_PART in parts:
        receipt = decompress(parts[RECEIPT_PART], MAX_RECEIPT_BYTES)
        facts = replace(facts, receipt=msgspec.msgpack.decode(receipt, type=SignedReceipt))
    bundle = replace(bundle, facts=facts, receipt=open_receipt(facts, raw_key(manifest.key)))
    return replace(bundle, second=_second_bundle(parts[SECOND_PART], bundle)) if SECOND_PART in parts else bundle


def _with_ends(bundle: Bundle, parts: Mapping[str, bytes]) -> Bundle:
    """Read the checks of both ends: two runs, each with the receipt of a test server of the hour of the call."""
    ends = [_check_of_end(parts[name]) if name in parts else None for name in (FIRST_PART, SECOND_PART)]
    signed = [end.receipt for end in ends if end is not None]
    fit = (one and time_apart(one.started_at, bundle.started_at) <= MOST_BETWEEN_CHECKS for one in signed)
    if not is_hour(bundle.started_at) or not all(fit) or len({one.probe_seed for one in signed if one}) < len(signed):
        raise BundleError("The checks of the two ends are one run, of another hour, or signed by no test server.")
    return replace(bundle, first=ends[0], second=ends[1])


def _check_of_end(data: bytes) -> Bundle:
    """Read one end's own check: one with one test server."""
    manifest, parts = _open_parts(data)
    if SECOND_PART in parts or manifest.kind != "check":
        raise BundleError("The bundle holds another one that is no check with one test server.")
    return read_bundle(data)


def _second_bundle(data: bytes, first: Bundle) -> Bundle:
    """Read the bundle of the second check: another run, with another server or over the other version of IP."""
    second = _check_of_end(data)
    assert second.facts is not None  # it is a check
    assert first.facts is not None
    same_server = second.facts.responder_key == first.facts.responder_key and second.facts.family == first.facts.family
    same_run = second.facts.seed == first.facts.seed or second.simulated != first.simulated
    same_keys = second.key == first.key or same_server
    if same_run or (same_keys and not first.simulated):  # the lab's keys are everybody's
        raise BundleError(
            "The bundle holds as its second opinion a check of the same run, or with the same test server over the "
            "same version of IP."
        )
    return second


def _sign_parts(kind: str, parts: Mapping[str, bytes], signer: Signer) -> bytes:
    """Write the file; parts without a byte are left out."""
    parts, key = {name: data for name, data in parts.items() if data}, raw_key_text(signer.public)
    manifest = Manifest(schema=SCHEMA, kind=kind, written_by=f"talkpath/{VERSION}", key=key, parts=_part_digests(parts))
    encoded = msgspec.json.encode(manifest)
    return pack_archive({MANIFEST_PART: encoded, **parts, SIGNATURE_PART: signer.sign(BUNDLE_SIGNED_PREFIX + encoded)})


def _part_digests(parts: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()}
