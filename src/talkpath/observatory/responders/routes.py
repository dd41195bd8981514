"""The directory over HTTP (spec/tp-011): offers come in, the list goes out. Nothing is kept of who asks for it.

The directory's part of the OpenAPI document. Tests send the requests that it describes.
"""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from talkpath.directory.fetch import COUNTRY_HEADER, LIST_MEDIA_TYPE
from talkpath.directory.fetch import LIST_MEDIA_TYPE as LIST_TYPE
from talkpath.directory.offer import MAX_OFFER_BYTES, OFFER_MEDIA_TYPE
from talkpath.observatory.intake.openapi import (
    Object,
    binary_content,
    closed_object,
    json_answer,
    refusal_answers,
    required_parameter,
)
from talkpath.observatory.intake.requests import ReportRefusedError, body_places, read_small_body, sender_host
from talkpath.observatory.intake.routes import json_response, refusals_answered
from talkpath.observatory.responders.running import ServerDirectory
from talkpath.responder.geoip import UNKNOWN_ORIGIN
from talkpath.wire.control.keys import raw_key

KEY_SCHEMA = {"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"}
COUNT = {"type": "integer", "minimum": 0}
TEXT_SCHEMA = {"type": "string"}
SERVER_STATES = ["listed", "approval", "untested", "failed", "refused", "left"]
OFFER_REFUSALS = ("offer", "clock", "replayed", "address", "slow", "too_large", "media_type", "limited", "busy")

DIRECTORY_PATHS: Object = {
    "/api/v1/responders": {
        "get": {
            "operationId": "showTestServers",
            "summary": "The listed test servers, and by country how many there are.",
            "responses": {"200": json_answer("What is listed.", "TestServers")},
        },
        "post": {
            "operationId": "offerTestServer",
            "summary": "Offer a test server, renew the offer, take it back (tp-011).",
            "requestBody": {"required": True, "content": binary_content(OFFER_MEDIA_TYPE)},
            "responses": {"200": json_answer("Taken.", "Offered")} | refusal_answers(*OFFER_REFUSALS),
        },
    },
    "/api/v1/responders/list": {
        "get": {
            "operationId": "getServerList",
            "summary": "The signed list (tp-011), for `talkpath check --directory`. Nothing is kept of who asks.",
            "responses": {"200": {"description": "The list.", "content": binary_content(LIST_MEDIA_TYPE)}},
        }
    },
    "/api/v1/responders/{key}": {
        "get": {
            "operationId": "findTestServer",
            "summary": "What became of an offer, and what was seen from outside.",
            "responses": {"200": json_answer("Known.", "Offered")} | refusal_answers("not_found"),
        },
        "parameters": [required_parameter("key", "path", KEY_SCHEMA)],
    },
}

_SERVER = {
    "key": KEY_SCHEMA,
    "host": TEXT_SCHEMA,
    "port": COUNT,
    "network_class": {"enum": ["home", "hosting", "unknown"]},
    "country": TEXT_SCHEMA,
    "network": TEXT_SCHEMA,
    "free": COUNT,
    "page": COUNT,
    "operator": TEXT_SCHEMA,
    "tests": COUNT,
    "passes": COUNT,
}
_COUNTRY = dict.fromkeys(("servers", "home", "free", "tests", "passes"), COUNT) | {"country": TEXT_SCHEMA}

DIRECTORY_SCHEMAS: Object = {
    "TestServers": closed_object(
        {
            "schema": {"const": "talkpath.servers.shown/1"},
            "key": KEY_SCHEMA,
            "serial": COUNT,
            "issued_at": TEXT_SCHEMA,
            "servers": {"type": "array", "items": closed_object(_SERVER)},
            "countries": {"type": "array", "items": closed_object(_COUNTRY)},
        }
    ),
    "Offered": closed_object(
        {
            "schema": {"const": "talkpath.responder/1"},
            "state": {"enum": SERVER_STATES},
            "findings": {"type": "array", "items": TEXT_SCHEMA},
            "tested": COUNT,
        }
    ),
}


SCHEMA = "talkpath.servers.shown/1"
RESPONDERS_PATH = "/api/v1/responders"
WRONG_TYPE = f"Send an offer as {OFFER_MEDIA_TYPE}."
TOO_LARGE = "The offer is larger than any server's."
ANSWER_HEADERS = {"Cache-Control": "no-store", "Access-Control-Allow-Origin": "*"}
NONE_SUCH = "No test server with that key was offered here."


class DirectoryApi:
    """The HTTP handlers of one directory."""

    def __init__(self, directory: ServerDirectory) -> None:
        self._directory, self._places = directory, body_places()

    def routes(self) -> list[Route]:
        """The routes to put into an application."""
        return [
            Route(RESPONDERS_PATH, self._show, methods=["GET"]),
            Route(RESPONDERS_PATH, refusals_answered(self._offer, headers=ANSWER_HEADERS), methods=["POST"]),
            Route(f"{RESPONDERS_PATH}/list", self._list, methods=["GET"]),
            Route(f"{RESPONDERS_PATH}/{{key}}", refusals_answered(self._find, headers=ANSWER_HEADERS), methods=["GET"]),
        ]

    async def _show(self, request: Request) -> Response:
        """What is listed, as JSON."""
        return json_response(200, {"schema": SCHEMA, **msgspec.to_builtins(self._directory.summary)}, ANSWER_HEADERS)

    async def _list(self, request: Request) -> Response:
        """The signed list. The country of the sender's address is told to the sender alone, and kept nowhere."""
        country = self._directory.geoip.find(sender_host(request) or "").country
        headers = {"Cache-Control": "private, max-age=60", "Access-Control-Allow-Origin": "*"}
        if country != UNKNOWN_ORIGIN.country:
            headers[COUNTRY_HEADER] = country
        return Response(self._directory.data, headers=headers, media_type=LIST_TYPE)

    async def _offer(self, request: Request) -> Response:
        try:
            data = await read_small_body(request, self._places, OFFER_MEDIA_TYPE, MAX_OFFER_BYTES)
        except ReportRefusedError as refused:
            said = {"media_type": WRONG_TYPE, "too_large": TOO_LARGE}.get(refused.code, "")
            raise ReportRefusedError(refused.code, said, refused.retry_after_s) from None
        return json_response(200, await self._directory.take(data, sender_host(request)), ANSWER_HEADERS)

    async def _find(self, request: Request) -> Response:
        key = raw_key(request.path_params["key"])
        found = await self._directory.find(key) if key else None
        if found is None:
            raise ReportRefusedError("not_found", NONE_SUCH)
        return json_response(200, found, ANSWER_HEADERS)
