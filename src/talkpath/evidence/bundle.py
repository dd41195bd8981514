"""A bundle (spec/tp-003): one canonical zip with the facts of a check and what was said of them.

Parts, in this order: `manifest.json` (schema, the SHA-256 of every other part), `facts.msgpack` (tp-001),
`verdict.json` (tp-004), `signatures.json` (a list, empty until a signer fills it). Stored, not deflated, with fixed
dates and flags: the same parts give the same bytes on any machine, so `read_bundle` can build the file again and
compare. Any difference, anywhere in the file, is a `BundleError`.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import Any

import msgspec
from msgspec import Struct

from talkpath import __version__
from talkpath.errors import BundleError
from talkpath.measure.facts import Facts

SCHEMA = "talkpath.bundle/1"
PARTS = ("facts.msgpack", "verdict.json", "signatures.json")
MAX_BYTES = 64 << 20


class Bundle(Struct, frozen=True):
    """The parts, read. `verdict` is the JSON that was written when the check ended."""

    facts: Facts
    verdict: dict[str, Any]
    signatures: list[dict[str, Any]]
    written_by: str


def write_bundle(facts: Facts, verdict: dict[str, Any], signatures: list[dict[str, Any]]) -> bytes:
    """The file's bytes."""
    parts = {
        "facts.msgpack": msgspec.msgpack.encode(facts),
        "verdict.json": msgspec.json.encode(verdict, order="deterministic"),
        "signatures.json": msgspec.json.encode(signatures, order="deterministic"),
    }
    return _zip(parts, f"talkpath/{__version__}")


def read_bundle(data: bytes) -> Bundle:
    """The parts of a bundle whose every bit is as it was written."""
    if len(data) > MAX_BYTES:
        raise BundleError("The bundle is larger than any check writes; it is not one of ours.")
    parts = _unzip(data)
    try:
        manifest = msgspec.json.decode(parts["manifest.json"], type=dict[str, Any])
        content = {name: parts[name] for name in PARTS}
        if manifest.get("schema") != SCHEMA:
            raise BundleError("The bundle is of a kind that this talkpath does not know; use a newer one.")
        if _zip(content, str(manifest.get("written_by"))) != data:
            raise BundleError("The bundle was changed after it was written: its parts and its manifest differ.")
        return Bundle(
            facts=msgspec.msgpack.decode(content["facts.msgpack"], type=Facts),
            verdict=msgspec.json.decode(content["verdict.json"], type=dict[str, Any]),
            signatures=msgspec.json.decode(content["signatures.json"], type=list[dict[str, Any]]),
            written_by=str(manifest.get("written_by")),
        )
    except (KeyError, msgspec.MsgspecError, RecursionError) as error:
        raise BundleError("The bundle is damaged: a part is missing or is not what it should be.") from error


def _zip(parts: dict[str, bytes], written_by: str) -> bytes:
    digests = {name: hashlib.sha256(parts[name]).hexdigest() for name in PARTS}
    manifest = {"schema": SCHEMA, "written_by": written_by, "parts": digests}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in (("manifest.json", msgspec.json.encode(manifest, order="deterministic")), *parts.items()):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


def _unzip(data: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > 16 or any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                raise BundleError("The bundle is a zip, but not one that talkpath wrote.")
            return {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError, OSError) as error:
        raise BundleError("The file is no talkpath bundle, or its end is missing.") from error
