"""Sends a bundle to an observatory, and withdraws it (spec/tp-006): one request each.

Contract: `send_bundle` sends exactly the bytes of the bundle. A report's id is their SHA-256, so that the receipt that
withdraws it exists before anything leaves. `PeerError` where the observatory cannot be reached or refuses; its own
words are shown without control characters.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from talkpath.errors import FileError, file_read, in_place_of
from talkpath.evidence.http_request import NotTakenError, http_request, web_address

SCHEMA = "talkpath.shared/1"
BUNDLE_MEDIA_TYPE = "application/vnd.talkpath.bundle"
MAX_REFUSAL_CHARACTERS = 200
WITHDRAWAL_SECRET_BYTES = 32
SHA256_HEX = re.compile(r"[0-9a-f]{64}")
WITHDRAWN_SENTENCES = {
    "removed": "It is removed.",
    "tombstone": "Its day is sealed: it stays in the log, marked as withdrawn.",
}


class ShareReceipt(Struct, frozen=True):
    """What withdraws a shared bundle: whoever has it can withdraw the report `id` from the observatory at `url`."""

    schema: str
    url: str
    id: str
    secret: str


def new_share_receipt(url: str, data: bytes) -> ShareReceipt:
    """Make the receipt of a bundle before it is sent; `UsageError` for an invalid or unencrypted URL."""
    web_address(url)
    return ShareReceipt(
        SCHEMA, url.rstrip("/"), hashlib.sha256(data).hexdigest(), os.urandom(WITHDRAWAL_SECRET_BYTES).hex()
    )


def write_share_receipt(path: Path, receipt: ShareReceipt) -> None:
    """Write a receipt, readable for this user only. It never replaces another: that may be the only way to withdraw."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError:
        raise FileError("The receipt cannot be written; name another place with --receipt. Nothing was sent.") from None
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(receipt)) + b"\n")


def read_share_receipt(path: Path) -> ShareReceipt:
    """Read a receipt; `FileError` for any other file."""
    with file_read(path), in_place_of(ValueError, FileError("The file is no receipt that `talkpath share` wrote.")):
        found = msgspec.json.decode(path.read_bytes(), type=ShareReceipt)
    if found.schema != SCHEMA or not all(SHA256_HEX.fullmatch(text) for text in (found.id, found.secret)):
        raise FileError("The file is no receipt that `talkpath share` wrote.")
    return found


def send_bundle(receipt: ShareReceipt, data: bytes) -> None:
    """Send the bundle: here it leaves this machine."""
    headers = {
        "Content-Type": BUNDLE_MEDIA_TYPE,
        "Talkpath-Withdraw": hashlib.sha256(bytes.fromhex(receipt.secret)).hexdigest(),
    }
    status, answer = _observatory_request(receipt.url, "PUT", f"/v1/reports/{receipt.id}", headers, data)
    if answer.get("state") == "withdrawn":
        raise NotTakenError("You took this bundle back after its day was sealed; the observatory takes it no more.")
    if status == 200:
        raise NotTakenError("The observatory has this bundle already; the receipt of that time takes it back.")
    if status != 201:
        raise NotTakenError(f"The observatory did not take it: {_refusal_reason(status, answer)}")


def withdraw_report(receipt: ShareReceipt) -> str:
    """Withdraw the report; returns "removed" or "tombstone"."""
    status, answer = _observatory_request(
        receipt.url, "DELETE", f"/v1/reports/{receipt.id}", {"Talkpath-Secret": receipt.secret}, b""
    )
    state = answer.get("state")
    if status != 200 or state not in WITHDRAWN_SENTENCES:
        raise NotTakenError(f"The observatory did not withdraw it: {_refusal_reason(status, answer)}")
    return str(state)


def _observatory_request(
    url: str, method: str, path: str, headers: dict[str, str], body: bytes
) -> tuple[int, dict[str, object]]:
    """Return (status, the JSON object of the answer or {})."""
    status, answer, _ = http_request(url, method, path, headers=headers, body=body)
    return status, _json_object(answer)


def _json_object(data: bytes) -> dict[str, object]:
    with suppress(ValueError, RecursionError):
        if isinstance(found := json.loads(data), dict):
            return found
    return {}


def _refusal_reason(status: int, answer: dict[str, object]) -> str:
    error = str(answer.get("error", ""))[:MAX_REFUSAL_CHARACTERS]
    return "".join(letter for letter in error if letter.isprintable()) or f"it answered {status}."
