"""The directory's part of the OpenAPI document. Tests send the requests that it describes."""

from __future__ import annotations

from typing import Any

from talkpath.directory.fetch import MEDIA_TYPE as LIST_TYPE
from talkpath.directory.offer import MEDIA_TYPE
from talkpath.observatory.intake.openapi import Object, json_answer, parameter, refusals

KEY = {"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"}
COUNT = {"type": "integer", "minimum": 0}
TEXT = {"type": "string"}
STATES = ["listed", "approval", "untested", "failed", "refused", "left"]


def directory_paths() -> Object:
    """The paths of the directory."""
    return {
        "/api/v1/responders": {"get": _show(), "post": _offer()},
        "/api/v1/responders/list": {"get": _list()},
        "/api/v1/responders/{key}": {"get": _find(), "parameters": [parameter("key", "path", KEY)]},
    }


def directory_schemas() -> Object:
    """The schemas that these paths name."""
    return {"TestServers": _servers(), "Offered": _offered()}


def _show() -> Object:
    return {
        "operationId": "showTestServers",
        "summary": "The listed test servers, and by country how many there are.",
        "responses": {"200": json_answer("What is listed.", "TestServers")},
    }


def _list() -> Object:
    content = {LIST_TYPE: {"schema": {"type": "string", "format": "binary"}}}
    return {
        "operationId": "getServerList",
        "summary": "The signed list (tp-011), for `talkpath check --directory`. Nothing is kept of who asks.",
        "responses": {"200": {"description": "The list.", "content": content}},
    }


def _offer() -> Object:
    body = {"required": True, "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
    codes = ("offer", "clock", "replayed", "address", "slow", "too_large", "media_type", "limited", "busy")
    return {
        "operationId": "offerTestServer",
        "summary": "Offer a test server, renew the offer, take it back (tp-011).",
        "requestBody": body,
        "responses": {"200": json_answer("Taken.", "Offered")} | refusals(*codes),
    }


def _find() -> Object:
    return {
        "operationId": "findTestServer",
        "summary": "What became of an offer, and what was seen from outside.",
        "responses": {"200": json_answer("Known.", "Offered")} | refusals("not_found"),
    }


def _offered() -> Object:
    properties: dict[str, Any] = {
        "schema": {"const": "talkpath.responder/1"},
        "state": {"enum": STATES},
        "findings": {"type": "array", "items": TEXT},
        "tested": COUNT,
    }
    return {"type": "object", "required": ["schema", "state", "findings", "tested"], "properties": properties}


def _servers() -> Object:
    server = {
        "key": KEY,
        "host": TEXT,
        "port": COUNT,
        "network_class": {"enum": ["home", "hosting", "unknown"]},
        "country": TEXT,
        "network": TEXT,
        "free": COUNT,
        "page": COUNT,
        "operator": TEXT,
        "tests": COUNT,
        "passes": COUNT,
    }
    country = dict.fromkeys(("servers", "home", "free", "tests", "passes"), COUNT) | {"country": TEXT}
    properties = {
        "schema": {"const": "talkpath.servers.shown/1"},
        "key": KEY,
        "serial": COUNT,
        "issued_at": TEXT,
        "servers": {"type": "array", "items": _closed(server)},
        "countries": {"type": "array", "items": _closed(country)},
    }
    return _closed(properties)


def _closed(properties: Object) -> Object:
    return {"type": "object", "required": list(properties), "properties": properties}
