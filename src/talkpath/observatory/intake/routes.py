"""The report API over HTTP (spec/tp-006). Every answer other than 200 and 201 is {"error": sentence, "code": code}."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from talkpath.errors import UNREADABLE, in_place_of
from talkpath.evidence.share import BUNDLE_MEDIA_TYPE, WITHDRAWN_SENTENCES
from talkpath.observatory.intake.collector import Collector, ReportStatus
from talkpath.observatory.intake.openapi import openapi_document
from talkpath.observatory.intake.requests import (
    ReportRefusedError,
    body_place,
    body_places,
    read_body,
    read_small_body,
    require_length,
    require_type,
    sender_host,
)

MOST_TAP_BYTES = 1000
SCHEMA = "talkpath.report/1"
Handler = Callable[[Request], Awaitable[Response]]


class TapBody(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a tap: the app and the medium of the call that failed."""

    app: str
    medium: str


class ReportApi:
    """The HTTP handlers of one collector."""

    def __init__(self, collector: Collector) -> None:
        self._collector, self._places = collector, body_places()
        self._paths: dict[str, Any] = {}
        self._schemas: dict[str, Any] = {}

    def describe(self, paths: Mapping[str, Any], schemas: Mapping[str, Any]) -> None:
        """Put what else the observatory serves into its OpenAPI document."""
        self._paths.update(paths)
        self._schemas.update(schemas)

    def routes(self) -> list[Route]:
        """The routes to put into an application. `share` and `withdraw` find reports with and without /api."""
        answered = partial(refusals_answered, note=self._collector.metrics.refused)
        report = [
            Route(f"{base}/v1/reports/{{name}}", answered(handler), methods=[method])
            for base in ("", "/api")
            for method, handler in (("PUT", self._put), ("DELETE", self._delete), ("GET", self._get))
        ]
        return [
            *report,
            Route("/api/v1/bundles", answered(self._post), methods=["POST"]),
            Route("/api/v1/taps", answered(self._tap), methods=["POST"]),
            Route("/api/v1/openapi.json", answered(self._document), methods=["GET"]),
        ]

    async def _post(self, request: Request) -> Response:
        return await self._bundle(request, "")

    async def _put(self, request: Request) -> Response:
        return await self._bundle(request, request.path_params["name"])

    async def _bundle(self, request: Request, name: str) -> Response:
        """Take a bundle; `name` is the id that its sender expects, "" for none."""
        most_bytes = self._collector.settings.most_bytes
        require_type(request.headers, BUNDLE_MEDIA_TYPE)
        sender = self._collector.admit(sender_host(request))
        require_length(request.headers, most_bytes)
        with body_place(self._places, request):
            data = await read_body(request.receive, most_bytes)
        withdraw = request.headers.get("Talkpath-Withdraw", "")
        return _http_answer(await self._collector.take(data, sender, withdraw, name))

    async def _get(self, request: Request) -> Response:
        return _http_answer(self._collector.look_up(request.path_params["name"]))

    async def _delete(self, request: Request) -> Response:
        name, secret = request.path_params["name"], request.headers.get("Talkpath-Secret", "")
        state = await self._collector.withdraw(name, secret)
        return json_response(200, {"schema": SCHEMA, "id": name, "state": state, "said": WITHDRAWN_SENTENCES[state]})

    async def _tap(self, request: Request) -> Response:
        data = await read_small_body(request, self._places, "application/json", MOST_TAP_BYTES)
        error = 'A tap is {"app": …, "medium": …}, both texts, and nothing else.'
        with in_place_of(UNREADABLE, ReportRefusedError("bad_request", error)):
            tap = msgspec.json.decode(data, type=TapBody)
        return _http_answer(await self._collector.tap(tap.app, tap.medium, sender_host(request)))

    async def _document(self, request: Request) -> Response:
        return json_response(200, openapi_document(self._collector.settings, self._paths, self._schemas))


def _http_answer(answer: ReportStatus) -> Response:
    body = {"schema": SCHEMA, "id": answer.id, "state": answer.state}
    return json_response(201 if answer.new else 200, body | ({"why": answer.why} if answer.why else {}))


def refusals_answered(
    handler: Handler, note: Callable[[str], None] = lambda code: None, headers: Mapping[str, str] = {}
) -> Handler:
    """The handler, with a refusal answered as JSON, and its code noted."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except ReportRefusedError as refused:
            note(refused.code)
            return json_response(refused.status, refused.body, {**headers, **refused.headers})

    return handle


def json_response(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    """An answer in JSON."""
    return Response(msgspec.json.encode(body), status, headers, media_type="application/json")
