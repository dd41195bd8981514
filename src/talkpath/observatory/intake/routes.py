"""The report API over HTTP (spec/tp-006). Every answer that is no 200 or 201 is {"error": sentence, "code": code}."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from talkpath.evidence.share import DONE
from talkpath.observatory.intake.bundles import PATH, Bundles, headers_of, host_of, may_be, told_of, wants, whole
from talkpath.observatory.intake.desk import Answer, Desk
from talkpath.observatory.intake.openapi import document
from talkpath.observatory.intake.refusal import RefusedError

MOST_TAP_BYTES = 1000
Handler = Callable[[Request], Awaitable[Response]]


class TapBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A tap: the app and the medium of the call that failed."""

    app: str
    medium: str


class Reports:
    """The handlers of one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self.bundles = desk, Bundles(desk)

    def routes(self) -> list[Route]:
        """To be put into an application. `share` and `withdraw` find theirs with and without /api."""
        one = [
            Route(f"{base}/v1/reports/{{name}}", self._told(handler), methods=[method])
            for base in ("", "/api")
            for method, handler in (("PUT", self._put), ("DELETE", self._delete), ("GET", self._get))
        ]
        return [
            *one,
            Route(PATH, self.bundles, methods=["POST"]),
            Route("/api/v1/taps", self._told(self._tap), methods=["POST"]),
            Route("/api/v1/openapi.json", self._told(self._document), methods=["GET"]),
        ]

    async def _put(self, request: Request) -> Response:
        return _answer(await self.bundles.take(request.scope, request.receive, request.path_params["name"]))

    async def _get(self, request: Request) -> Response:
        return _answer(self._desk.look_up(request.path_params["name"]))

    async def _delete(self, request: Request) -> Response:
        secret = request.headers.get("Talkpath-Secret", "")
        state = await self._desk.withdraw(request.path_params["name"], secret)
        return _json(200, {"schema": "talkpath.report/1", "id": request.path_params["name"], "state": state,
                           "said": DONE[state]})  # fmt: skip

    async def _tap(self, request: Request) -> Response:
        headers = headers_of(request.scope)
        wants(headers, "application/json")
        may_be(headers, MOST_TAP_BYTES)
        data = await whole(request.receive, MOST_TAP_BYTES)
        try:
            tap = msgspec.json.decode(data, type=TapBody)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            said = 'A tap is {"app": …, "medium": …}, both texts, and nothing else.'
            raise RefusedError("bad_request", said) from None
        return _answer(await self._desk.tap(tap.app, tap.medium, host_of(request.scope)))

    async def _document(self, request: Request) -> Response:
        return _json(200, document(self._desk.settings))

    def _told(self, handler: Handler) -> Handler:
        """A refusal as an answer, counted."""

        async def told(request: Request) -> Response:
            try:
                return await handler(request)
            except RefusedError as refused:
                self._desk.metrics.refused(refused.code)
                return _json(refused.status, refused.told, refused.headers)

        return told


def _answer(answer: Answer) -> Response:
    return _json(*told_of(answer))


def _json(status: int, said: Any, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(said), status, headers, media_type="application/json")
