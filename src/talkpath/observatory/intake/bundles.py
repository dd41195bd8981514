"""Bundles over HTTP (spec/tp-006): what is read of a request, and what is answered.

`Bundles` is an ASGI application of one path. Where httptools is installed it gets none of them: connection.py takes
them in with the same parts, at less cost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec
from starlette.types import Receive, Scope, Send

from talkpath.evidence.share import MEDIA_TYPE
from talkpath.observatory.intake.desk import Answer, Desk, Sender
from talkpath.observatory.intake.refusal import RefusedError

PATH = "/api/v1/bundles"
BODY_S = 60.0
AT_ONCE = 64  # bodies that are read at the same time
JSON = (b"content-type", b"application/json")
Headers = Mapping[bytes, bytes]


class Bundles:
    """Those of one desk."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._reading = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Of ASGI."""
        said: Answer | RefusedError
        try:
            said = await self.take(scope, receive)
        except RefusedError as refused:
            said = refused
        status, headers, data = self.answer(said)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": data})

    async def take(self, scope: Scope, receive: Receive, name: str = "") -> Answer:
        """A bundle, under the `name` that its sender expects."""
        headers = headers_of(scope)
        sender = self.enter(headers, host_of(scope))
        try:
            data = await whole(receive, self.desk.settings.most_bytes)
        finally:
            self.leave()
        return await self.desk.take(data, sender, withdraw_of(headers), name)

    def enter(self, headers: Headers, host: str | None) -> Sender:
        """Before a body is read; `leave` once it was."""
        wants(headers, MEDIA_TYPE)
        sender = self.desk.admit(host)
        may_be(headers, self.desk.settings.most_bytes)
        if self._reading >= AT_ONCE:
            raise RefusedError("busy", retry_after_s=5)
        self._reading += 1
        return sender

    def leave(self) -> None:
        """Its place is another's."""
        self._reading -= 1

    def answer(self, said: Answer | RefusedError) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """(status, headers, body). A refusal is counted."""
        headers = [JSON]
        if isinstance(said, RefusedError):
            self.desk.metrics.refused(said.code)
            status, told = said.status, said.told
            headers += [(name.lower().encode(), value.encode()) for name, value in said.headers.items()]
        else:
            status, told = told_of(said)
        data = msgspec.json.encode(told)
        return status, [*headers, (b"content-length", b"%d" % len(data))], data


def told_of(answer: Answer) -> tuple[int, dict[str, str]]:
    """(status, JSON object)."""
    told = {"schema": "talkpath.report/1", "id": answer.id, "state": answer.state}
    return 201 if answer.new else 200, told | ({"why": answer.why} if answer.why else {})


def headers_of(scope: Scope) -> Headers:
    """By their names in lower case; of two with one name the first."""
    return dict(reversed(scope["headers"]))


def withdraw_of(headers: Headers) -> str:
    """As it was sent."""
    return headers.get(b"talkpath-withdraw", b"").decode("latin-1")


def host_of(scope: Scope) -> str | None:
    """The address that it came from."""
    client = scope.get("client")
    return client[0] if client else None


def wants(headers: Headers, media_type: str) -> None:
    """`RefusedError` for a body of another type."""
    if headers.get(b"content-type", b"").partition(b";")[0].strip().lower() != media_type.encode():
        raise RefusedError("media_type")


def may_be(headers: Headers, most_bytes: int) -> None:
    """`RefusedError` for a body that is told to be larger."""
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > most_bytes:
        raise RefusedError("too_large")


async def whole(receive: Receive, most_bytes: int) -> bytes:
    """The whole body, no byte more than may be, within a minute."""
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
