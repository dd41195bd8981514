"""One HTTP request to an observatory or a webhook: bounded, over TLS, without redirections and proxies.

Contract: `PeerError` where the other end cannot be reached; at most `most_bytes` and one more of an answer are read.
"""

from __future__ import annotations

import http.client
import ipaddress
import ssl
import time
from collections.abc import Mapping
from contextlib import closing
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from talkpath.errors import PeerError, UsageError, in_place_of
from talkpath.version import VERSION

HTTP_TIMEOUT_S, MOST_ANSWER_S = 30.0, 60.0
MOST_ANSWER_BYTES = 1 << 16
HTTP_READ_BYTES = 1 << 16
UNREACHED = "The observatory cannot be reached; is its URL right, and this device online?"


class NotTakenError(PeerError):
    """Nothing was taken: the other end was not reached, or it answered and refused."""


class HttpAnswer(NamedTuple):
    """An answer: its status, its body, and its lines before the body, their names in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str]


def web_address(url: str, what: str = "an observatory", *, with_query: bool = False) -> SplitResult:
    """The parts of the URL of `what`; `UsageError` for an invalid or unencrypted one."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    has_more = (parts.query and not with_query) or parts.fragment or parts.username
    if parts.scheme not in ("https", "http") or not host or has_more:
        raise UsageError(f"That is no URL of {what}; it looks like https://HOST/.")
    if parts.scheme == "http" and not _is_private(host):
        raise UsageError(f"That URL of {what} would send it for everybody to read; use its https:// URL.")
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
    parts = web_address(url, with_query=not path)
    assert parts.hostname is not None  # checked
    connection = (
        http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout_s, context=ssl.create_default_context())
        if parts.scheme == "https"
        else http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
    )
    with closing(connection), in_place_of((OSError, http.client.HTTPException), PeerError(UNREACHED)):
        with in_place_of(OSError, NotTakenError(UNREACHED)):
            connection.connect()  # nothing was sent where this fails
        every = {"User-Agent": f"talkpath/{VERSION}", "Accept": "application/json", **(headers or {})}
        target = ((parts.path.rstrip("/") if path else parts.path) + path or "/") + (parts.query and f"?{parts.query}")
        connection.request(method, target, None if method == "GET" else body, every)
        answer = connection.getresponse()
        lines = {name.lower(): value for name, value in answer.getheaders()}
        return HttpAnswer(answer.status, _read_body(answer, most_bytes, timeout_s), lines)


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
