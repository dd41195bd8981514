"""One HTTP request to an observatory: bounded, over TLS, without redirections and proxies.

Contract: `PeerError` where the other end cannot be reached; at most `most_bytes` and one more of an answer are read.
"""

from __future__ import annotations

import http.client
import ipaddress
import ssl
import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from talkpath.errors import PeerError, UsageError
from talkpath.version import VERSION

HTTP_TIMEOUT_S, MOST_ANSWER_S = 30.0, 60.0
MOST_ANSWER_BYTES = 1 << 16
HTTP_READ_BYTES = 1 << 16


class HttpAnswer(NamedTuple):
    """An answer: its status, its body, and its lines before the body, their names in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str]


def observatory_address(url: str) -> SplitResult:
    """The parts of an observatory's URL; `UsageError` for an invalid or unencrypted one."""
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


def http_request(
    url: str,
    method: str,
    path: str = "",
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    most_bytes: int = MOST_ANSWER_BYTES,
    timeout_s: float = HTTP_TIMEOUT_S,
) -> HttpAnswer:
    """Send a request to `path` below the URL, and return the answer."""
    parts = observatory_address(url)
    assert parts.hostname is not None  # checked
    connection = (
        http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout_s, context=ssl.create_default_context())
        if parts.scheme == "https"
        else http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
    )
    try:
        every = {"User-Agent": f"talkpath/{VERSION}", "Accept": "application/json", **(headers or {})}
        connection.request(method, (parts.path.rstrip("/") + path) or "/", None if method == "GET" else body, every)
        answer = connection.getresponse()
        lines = {name.lower(): value for name, value in answer.getheaders()}
        return HttpAnswer(answer.status, _read_body(answer, most_bytes, timeout_s), lines)
    except (OSError, http.client.HTTPException):
        raise PeerError("The observatory cannot be reached; is its URL right, and this device online?") from None
    finally:
        connection.close()


def _read_body(answer: http.client.HTTPResponse, most_bytes: int, timeout_s: float) -> bytes:
    """The body, or one byte more than it may have; `OSError` where it takes longer than it may."""
    until_s = time.monotonic() + min(MOST_ANSWER_S, 2 * timeout_s)
    parts, size_bytes = [], 0
    while size_bytes <= most_bytes and (part := answer.read1(min(HTTP_READ_BYTES, most_bytes + 1 - size_bytes))):
        if time.monotonic() > until_s:
            raise TimeoutError
        parts.append(part)
        size_bytes += len(part)
    return b"".join(parts)


def _is_private(host: str) -> bool:
    """Whether a connection to the host stays on this machine or goes to an onion service."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".onion")
