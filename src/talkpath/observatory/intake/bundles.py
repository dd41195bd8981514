"""Bundles over HTTP: what comes in by the thousand, so that nothing stands between the server and the desk.

`Bundles` is an ASGI application of one path (spec/tp-006). `in_front` asks it before all routes, which cost as much as
everything else that is done with a bundle but its signatures; as a route it answers the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from talkpath.evidence.share import MEDIA_TYPE
from talkpath.observatory.intake.desk import Answer, Desk
from talkpath.observatory.intake.refusal import RefusedError

PATH = "/api/v1/bundles"
BODY_S = 60.0
AT_ONCE = 64  # bodies that are read at the same time
JSON = (b"content-type", b"application/json")
Headers = Mapping[bytes, bytes]


class Bundles:
    """Those of one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._reading = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Of ASGI."""
        headers = [JSON]
        try:
            status, told = told_of(await self.take(scope, receive))
        except RefusedError as refused:
            self._desk.metrics.refused(refused.code)
            status, told = refused.status, refused.told
            headers += [(name.lower().encode(), value.encode()) for name, value in refused.headers.items()]
        data = msgspec.json.encode(told)
        headers.append((b"content-length", b"%d" % len(data)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": data})

    async def take(self, scope: Scope, receive: Receive, name: str = "") -> Answer:
        """A bundle, under the `name` that its sender expects."""
        headers = headers_of(scope)
        wants(headers, MEDIA_TYPE)
        sender = self._desk.admit(host_of(scope))
        if self._reading.locked():
            raise RefusedError("busy", retry_after_s=5)
        async with self._reading:
            data = await body_of(headers, receive, self._desk.settings.most_bytes)
        withdraw = headers.get(b"talkpath-withdraw", b"").decode("latin-1")
        return await self._desk.take(data, sender, withdraw, name)


def in_front(bundles: Bundles, others: ASGIApp) -> ASGIApp:
    """Both: what is no bundle goes on to the others."""

    async def either(scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "http" and scope["method"] == "POST" and scope["path"] == PATH
        await (bundles if ours else others)(scope, receive, send)

    return either


def told_of(answer: Answer) -> tuple[int, dict[str, Any]]:
    """(status, JSON object)."""
    told = {"schema": "talkpath.report/1", "id": answer.id, "state": answer.state}
    return 201 if answer.new else 200, told | ({"why": answer.why} if answer.why else {})


def headers_of(scope: Scope) -> Headers:
    """By their names in lower case; of two with one name the first."""
    return dict(reversed(scope["headers"]))


def host_of(scope: Scope) -> str | None:
    """The address that it came from."""
    client = scope.get("client")
    return client[0] if client else None


def wants(headers: Headers, media_type: str) -> None:
    """`RefusedError` for a body of another type."""
    if headers.get(b"content-type", b"").partition(b";")[0].strip().lower() != media_type.encode():
        raise RefusedError("media_type")


async def body_of(headers: Headers, receive: Receive, most_bytes: int) -> bytes:
    """The whole body, no byte more than may be, within a minute."""
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > most_bytes:
        raise RefusedError("too_large")
    try:
        async with asyncio.timeout(BODY_S):
            return await _whole(receive, most_bytes)
    except TimeoutError:
        raise RefusedError("slow") from None


async def _whole(receive: Receive, most_bytes: int) -> bytes:
    parts, size_bytes, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RefusedError("bad_request", "The sender went away before the end.")
        part = message.get("body", b"")
        parts.append(part)
        size_bytes += len(part)
        if size_bytes > most_bytes:
            raise RefusedError("too_large")
        more = message.get("more_body", False)
    return b"".join(parts)
