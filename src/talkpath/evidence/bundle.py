"""A bundle (spec/tp-003): what a check or a recording showed and what was said of it, signed; one file.

Contract: what `write_*` returns is read back by `read_bundle`, and no other bytes are: a changed bit anywhere, a part
that is missing or another's, a receipt of another run is a `BundleError`. Times are kept to the hour: whoever passes
a bundle on tells no more than that. No part holds an address.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from talkpath.errors import BundleError
from talkpath.evidence.archive import pack, unpack
from talkpath.evidence.receipt import open_head, open_receipt
from talkpath.evidence.simulation import is_simulation_key
from talkpath.evidence.sound import check_facts, check_findings, check_words
from talkpath.measure.call import Findings
from talkpath.measure.facts import Facts, SignedReceipt
from talkpath.version import VERSION
from talkpath.wire.control.keys import raw_key, raw_key_text
from talkpath.wire.control.receipt import Head, Statement
from talkpath.wire.control.sign import Signer, is_signed

SCHEMA = "talkpath.bundle/2"
SIGNED = b"talkpath bundle\n"  # a signature of another purpose never passes for one of this
MANIFEST, FACTS, RECEIPT, VERDICT, SIGNATURE = (
    "manifest.json", "facts.msgpack.gz", "receipt.msgpack.gz", "verdict.json.gz", "signature",
)  # fmt: skip
KINDS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "check": ((FACTS, RECEIPT, VERDICT), (FACTS, VERDICT)),
    "capture": ((FACTS, VERDICT),),
}
MAX_BYTES, MAX_PART_BYTES, MAX_RECEIPT_BYTES = 16 << 20, 64 << 20, 1 << 20
HOUR_CHARACTERS = len("2026-11-24T20")


class FormError(BundleError):
    """A bundle of an older or newer talkpath: nothing is known to be wrong with it."""


class Manifest(Struct, frozen=True):
    """`key` is the public key of the run, `parts` the SHA-256 of each other part as it lies in the file."""

    schema: str
    kind: str
    written_by: str
    key: str
    parts: dict[str, str]


class Seal(Struct, frozen=True):
    """What can be told of a bundle without unpacking its facts: it is whole, signed, and this is its receipt."""

    kind: str
    key: str
    receipt: Head | None

    @property
    def simulated(self) -> bool:
        """Was it signed by the lab, at either end?"""
        keys = [self.key] + ([raw_key_text(self.receipt.responder_key)] if self.receipt else [])
        return any(map(is_simulation_key, keys))


class Whole(NamedTuple):
    """A file whose parts are those that its manifest names. Nothing is known yet of who signed it."""

    manifest: Manifest
    parts: Mapping[str, bytes]
    receipt: SignedReceipt | None

    def seal(self) -> Seal:
        """What was signed; `BundleError` where a signature is not right."""
        key = _verify(self.manifest, self.parts)
        return Seal(self.manifest.kind, self.manifest.key, open_head(self.receipt, key) if self.receipt else None)


class Bundle(Struct, frozen=True):
    """What was read. Of `facts` (a check) and `findings` (a recording) one is there. `verdict` is the JSON object that
    was told when it was written; `receipt` what the responder signed."""

    kind: str
    verdict: dict[str, Any]
    key: str
    written_by: str
    facts: Facts | None = None
    findings: Findings | None = None
    receipt: Statement | None = None

    @property
    def simulated(self) -> bool:
        """Was it made by the lab?"""
        return is_simulation_key(self.key) or (self.facts is not None and self.facts.simulated)


def write_check(facts: Facts, verdict: Mapping[str, Any], signer: Signer) -> bytes:
    """The bundle of a check. A receipt that does not fit is left out (`has_receipt` tells): it would prove nothing."""
    hour = hourly(facts.started_at)
    kept = replace(facts, started_at=hour, receipt=facts.receipt if has_receipt(facts, signer) else None)
    parts = {FACTS: _squeeze(msgspec.msgpack.encode(replace(kept, receipt=None)))}
    if kept.receipt is not None:
        parts[RECEIPT] = _squeeze(msgspec.msgpack.encode(kept.receipt))
    said = {**verdict, "started_at": hour}
    return _seal("check", parts | {VERDICT: _squeeze(msgspec.json.encode(said))}, signer)


def write_capture(findings: Findings, verdict: Mapping[str, Any], signer: Signer) -> bytes:
    """The bundle of a recording. The file's name is left out: people name files after people."""
    said = {**verdict, "file": "-"}
    parts = {FACTS: _squeeze(msgspec.msgpack.encode(findings)), VERDICT: _squeeze(msgspec.json.encode(said))}
    return _seal("capture", parts, signer)


def has_receipt(facts: Facts, signer: Signer) -> bool:
    """Did the responder sign what was measured, for this key?"""
    try:
        return open_receipt(facts, signer.public) is not None
    except BundleError:
        return False


def hourly(time: str) -> str:
    """An RFC 3339 time in UTC, cut to its hour."""
    return f"{time[:HOUR_CHARACTERS]}:00:00Z" if time else ""


def read_bundle(data: bytes) -> Bundle:
    """The parts of a bundle whose every bit is as it was written."""
    manifest, parts = _open(data)
    _verify(manifest, parts)
    try:
        return _decode(manifest, parts)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError("A part of the bundle is not what it should be.") from error


def read_seal(data: bytes) -> Seal:
    """Is every bit as it was signed? Cheap: of what a stranger compressed only the receipt is unpacked, 1 MB at most.

    What `read_bundle` checks beyond it: that the facts are such as a check writes, and the receipt is about them.
    """
    return read_whole(data).seal()


def read_whole(data: bytes) -> Whole:
    """The first half of `read_seal`, which verifies no signature yet: so many files can be hashed one after the other,
    and then verified one after the other, which is faster than both by turns."""
    manifest, parts = _open(data)
    if RECEIPT not in parts:
        return Whole(manifest, parts, None)
    try:
        receipt = msgspec.msgpack.decode(_expand(parts[RECEIPT], MAX_RECEIPT_BYTES), type=SignedReceipt)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError("A part of the bundle is not what it should be.") from error
    return Whole(manifest, parts, receipt)


def _open(data: bytes) -> tuple[Manifest, dict[str, bytes]]:
    """All that can be checked of the file without unpacking a part, but for who signed it."""
    if len(data) > MAX_BYTES:
        raise BundleError("The file is larger than any bundle; it is not one of ours.")
    parts = unpack(data)
    try:
        manifest = msgspec.json.decode(parts.get(MANIFEST, b""), type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise BundleError("The bundle has no readable manifest; it is damaged, or not one of ours.") from None
    if manifest.schema != SCHEMA:
        raise FormError("The bundle has a form that this talkpath does not read; read it with the one that wrote it.")
    _check_parts(manifest, parts)
    return manifest, parts


def read_facts(data: bytes) -> Facts:
    """The facts of a check's bundle, and nothing else of it."""
    facts = read_bundle(data).facts
    if facts is None:
        raise BundleError("The bundle holds a recording, not a check.")
    return facts


def _check_parts(manifest: Manifest, parts: Mapping[str, bytes]) -> None:
    """All parts there, in order, as the manifest says."""
    inner = tuple(parts)[1:-1]
    if tuple(parts) != (MANIFEST, *inner, SIGNATURE) or inner not in KINDS.get(manifest.kind, ()):
        raise BundleError("A part of the bundle is missing, or one is there that does not belong.")
    if manifest.parts != _digests({name: parts[name] for name in inner}):
        raise BundleError("The bundle was changed after it was written: a part is not the one that was signed.")


def _verify(manifest: Manifest, parts: Mapping[str, bytes]) -> bytes:
    """The key of the run, which signed the manifest."""
    key = raw_key(manifest.key)
    if not is_signed(SIGNED + parts[MANIFEST], parts[SIGNATURE], key):
        raise BundleError("The bundle was changed after it was signed.")
    return key


def _decode(manifest: Manifest, parts: Mapping[str, bytes]) -> Bundle:
    verdict = msgspec.json.decode(_expand(parts[VERDICT]), type=dict[str, Any])
    check_words([verdict, manifest.written_by])
    found = Bundle(manifest.kind, verdict, manifest.key, manifest.written_by)
    if manifest.kind == "capture":
        findings = msgspec.msgpack.decode(_expand(parts[FACTS]), type=Findings)
        check_findings(findings)
        return replace(found, findings=findings)
    facts = msgspec.msgpack.decode(_expand(parts[FACTS]), type=Facts)
    check_facts(facts)
    if RECEIPT in parts:
        facts = replace(facts, receipt=msgspec.msgpack.decode(_expand(parts[RECEIPT]), type=SignedReceipt))
    return replace(found, facts=facts, receipt=open_receipt(facts, raw_key(manifest.key)))


def _seal(kind: str, parts: Mapping[str, bytes], signer: Signer) -> bytes:
    key = raw_key_text(signer.public)
    manifest = msgspec.json.encode(Manifest(SCHEMA, kind, f"talkpath/{VERSION}", key, _digests(parts)))
    return pack({MANIFEST: manifest, **parts, SIGNATURE: signer.sign(SIGNED + manifest)})


def _digests(parts: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()}


def _squeeze(data: bytes) -> bytes:
    """One gzip member without a time, its operating system 255, "unknown" (RFC 1952 section 2.3)."""
    made = zlib.compress(data, 9, wbits=zlib.MAX_WBITS | 16)
    return made[:9] + b"\xff" + made[10:]


def _expand(data: bytes, most_bytes: int = MAX_PART_BYTES) -> bytes:
    """One gzip member, not larger than any check's."""
    stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        whole = stream.decompress(data, most_bytes)
    except zlib.error as error:
        raise BundleError("A part of the bundle cannot be unpacked.") from error
    if not stream.eof or stream.unused_data:
        raise BundleError("A part of the bundle is not whole, or larger than any check's.")
    return whole
