"""The report API over HTTP (spec/tp-006). Every answer that is no 200 or 201 is {"error": sentence, "code": code}."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec import Struct
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from talkpath.evidence.share import DONE, MEDIA_TYPE
from talkpath.observatory.intake.desk import Answer, Desk
from talkpath.observatory.intake.openapi import document
from talkpath.observatory.intake.refusal import RefusedError

BODY_S = 60.0
MOST_TAP_BYTES = 1000
AT_ONCE = 64  # bodies that are read at the same time
Handler = Callable[[Request], Awaitable[Response]]


class TapBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A tap: the app and the medium of the call that failed."""

    app: str
    medium: str


class Reports:
    """The handlers of one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._reading = asyncio.Semaphore(AT_ONCE)

    def routes(self) -> list[Route]:
        """To be put into an application. `share` and `withdraw` find theirs with and without /api."""
        one = [
            Route(f"{base}/v1/reports/{{name}}", self._told(handler), methods=[method])
            for base in ("", "/api")
            for method, handler in (("PUT", self._put), ("DELETE", self._delete), ("GET", self._get))
        ]
        return [
            *one,
            Route("/api/v1/bundles", self._told(self._post), methods=["POST"]),
            Route("/api/v1/taps", self._told(self._tap), methods=["POST"]),
            Route("/api/v1/openapi.json", self._told(self._document), methods=["GET"]),
        ]

    async def _put(self, request: Request) -> Response:
        return await self._take(request, request.path_params["name"])

    async def _post(self, request: Request) -> Response:
        return await self._take(request, "")

    async def _take(self, request: Request, name: str) -> Response:
        _wants(request, MEDIA_TYPE)
        host = _host(request)
        self._desk.admit(host)
        if self._reading.locked():
            raise RefusedError("busy", retry_after_s=5)
        async with self._reading:
            data = await _body(request, self._desk.settings.most_bytes)
        return _answer(await self._desk.take(data, host, request.headers.get("Talkpath-Withdraw", ""), name))

    async def _get(self, request: Request) -> Response:
        return _answer(self._desk.look_up(request.path_params["name"]))

    async def _delete(self, request: Request) -> Response:
        secret = request.headers.get("Talkpath-Secret", "")
        state = await self._desk.withdraw(request.path_params["name"], secret)
        return _json(200, {"schema": "talkpath.report/1", "id": request.path_params["name"], "state": state,
                           "said": DONE[state]})  # fmt: skip

    async def _tap(self, request: Request) -> Response:
        _wants(request, "application/json")
        data = await _body(request, MOST_TAP_BYTES)
        try:
            tap = msgspec.json.decode(data, type=TapBody)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            said = 'A tap is {"app": …, "medium": …}, both texts, and nothing else.'
            raise RefusedError("bad_request", said) from None
        return _answer(await self._desk.tap(tap.app, tap.medium, _host(request)))

    async def _document(self, request: Request) -> Response:
        return _json(200, document(self._desk.settings))

    def _told(self, handler: Handler) -> Handler:
        """A refusal as an answer, counted."""

        async def told(request: Request) -> Response:
            try:
                return await handler(request)
            except RefusedError as refused:
                self._desk.metrics.refused(refused.code)
                answer = _json(refused.status, {"error": str(refused), "code": refused.code})
                if refused.retry_after_s:
                    answer.headers["Retry-After"] = str(refused.retry_after_s)
                return answer

        return told


def _wants(request: Request, media_type: str) -> None:
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != media_type:
        raise RefusedError("media_type")


async def _body(request: Request, most_bytes: int) -> bytes:
    """The whole body, no byte more than may be, within a minute."""
    length = request.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > most_bytes:
        raise RefusedError("too_large")
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for part in request.stream():
                data += part
                if len(data) > most_bytes:
                    raise RefusedError("too_large")
    except TimeoutError:
        raise RefusedError("slow") from None
    except ClientDisconnect:
        raise RefusedError("bad_request", "The sender went away before the end.") from None
    return bytes(data)


def _host(request: Request) -> str | None:
    return request.client.host if request.client else None


def _answer(answer: Answer) -> Response:
    said = {"schema": "talkpath.report/1", "id": answer.id, "state": answer.state}
    return _json(201 if answer.new else 200, said | ({"why": answer.why} if answer.why else {}))


def _json(status: int, said: Any) -> Response:
    return Response(msgspec.json.encode(said), status, media_type="application/json")
