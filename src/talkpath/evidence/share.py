"""Giving a bundle to an observatory, and taking it back (spec/tp-006): one request each, and none without being asked.

Contract: `send` sends exactly the bytes of the bundle. A report's id is the SHA-256 of them, so that the receipt which
withdraws it exists before anything leaves. `PeerError` where the observatory cannot be reached or refuses; its own
words are shown without anything that a terminal would act on.
"""

from __future__ import annotations

import hashlib
import http.client
import ipaddress
import json
import os
import re
import ssl
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import msgspec
from msgspec import Struct

from talkpath.errors import PeerError, UsageError
from talkpath.version import VERSION

SCHEMA = "talkpath.shared/1"
MEDIA_TYPE = "application/vnd.talkpath.bundle"
TIMEOUT_S, MOST_ANSWER_BYTES, SHOWN_CHARACTERS = 30.0, 1 << 16, 200
SECRET_BYTES = 32
HEX = re.compile(r"[0-9a-f]{64}")
DONE = {"removed": "It is removed.", "tombstone": "Its day is sealed: it stays in the log, marked as withdrawn."}


class Shared(Struct, frozen=True):
    """The receipt of a shared bundle: whoever has it can withdraw the report `id` from the observatory at `url`."""

    schema: str
    url: str
    id: str
    secret: str


class RefusedError(PeerError):
    """The observatory answered, and did not take it."""


def new_receipt(url: str, data: bytes) -> Shared:
    """For a bundle that is about to be sent; `UsageError` for a URL that is none or would send it in the clear."""
    _address(url)
    return Shared(SCHEMA, url.rstrip("/"), hashlib.sha256(data).hexdigest(), os.urandom(SECRET_BYTES).hex())


def write_receipt(path: Path, receipt: Shared) -> None:
    """For this user's eyes only. Never over another one: it may be the only way to withdraw something."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(
            "There is a receipt of that name; withdraw that one, or name another with --receipt."
        ) from None
    except OSError:
        raise UsageError(
            "The receipt cannot be written; name another place with --receipt. Nothing was sent."
        ) from None
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(receipt)) + b"\n")


def read_receipt(path: Path) -> Shared:
    """`UsageError` for a file that is none."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Shared)
    except (OSError, ValueError):
        raise UsageError("The receipt cannot be read; name the file that `talkpath share` wrote.") from None
    if found.schema != SCHEMA or not all(HEX.fullmatch(text) for text in (found.id, found.secret)):
        raise UsageError("The file is no receipt that `talkpath share` wrote.")
    return found


def send(receipt: Shared, data: bytes) -> None:
    """The bundle leaves this machine."""
    key = hashlib.sha256(bytes.fromhex(receipt.secret)).hexdigest()
    headers = {"Content-Type": MEDIA_TYPE, "Talkpath-Withdraw": key}
    status, answer = _request(receipt.url, "PUT", f"/v1/reports/{receipt.id}", headers, data)
    if status not in (200, 201):
        raise RefusedError(f"The observatory did not take it: {_words(status, answer)}")


def withdraw(receipt: Shared) -> str:
    """ "removed" or "tombstone"."""
    headers = {"Talkpath-Secret": receipt.secret}
    status, answer = _request(receipt.url, "DELETE", f"/v1/reports/{receipt.id}", headers, b"")
    state = answer.get("state")
    if status != 200 or state not in DONE:
        raise RefusedError(f"The observatory did not withdraw it: {_words(status, answer)}")
    return str(state)


def _address(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    if parts.scheme not in ("https", "http") or not host or parts.query or parts.fragment or parts.username:
        raise UsageError("That is no observatory's URL; it looks like https://HOST/.")
    if parts.scheme == "http" and not _is_private(host):
        raise UsageError("That URL would send it for everybody to read; use the observatory's https:// URL.")
    return parts


def _is_private(host: str) -> bool:
    """Does a connection to it stay in this machine, or in an onion?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".onion")


def _request(url: str, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, object]]:
    """(status, the JSON object of the answer or {}). Follows no redirection, uses no proxy."""
    parts = _address(url)
    assert parts.hostname is not None  # checked
    secure = parts.scheme == "https"
    connection = (
        http.client.HTTPSConnection(parts.hostname, parts.port, timeout=TIMEOUT_S, context=ssl.create_default_context())
        if secure
        else http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_S)
    )
    try:
        every = {"User-Agent": f"talkpath/{VERSION}", "Accept": "application/json", **headers}
        connection.request(method, parts.path.rstrip("/") + path, body, every)
        answer = connection.getresponse()
        return answer.status, _object(answer.read(MOST_ANSWER_BYTES))
    except (OSError, http.client.HTTPException):
        raise PeerError("The observatory cannot be reached; is its URL right, and this device online?") from None
    finally:
        connection.close()


def _object(data: bytes) -> dict[str, object]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _words(status: int, answer: dict[str, object]) -> str:
    said = "".join(letter for letter in str(answer.get("error", ""))[:SHOWN_CHARACTERS] if letter.isprintable())
    return said or f"it answered {status}."
