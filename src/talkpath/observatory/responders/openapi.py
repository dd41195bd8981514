"""The directory's part of the OpenAPI document. Tests send the requests that it describes."""

from __future__ import annotations

from typing import Any

from talkpath.directory.fetch import LIST_MEDIA_TYPE as LIST_TYPE
from talkpath.directory.offer import OFFER_MEDIA_TYPE
from talkpath.observatory.intake.openapi import Object, json_answer, refusal_answers, required_parameter

KEY_SCHEMA = {"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"}
COUNT = {"type": "integer", "minimum": 0}
TEXT_SCHEMA = {"type": "string"}
SERVER_STATES = ["listed", "approval", "untested", "failed", "refused", "left"]


def directory_paths() -> Object:
    """The paths of the directory."""
    return {
        "/api/v1/responders": {"get": _show_operation(), "post": _offer_operation()},
        "/api/v1/responders/list": {"get": _list_operation()},
        "/api/v1/responders/{key}": {
            "get": _find_operation(),
            "parameters": [required_parameter("key", "path", KEY_SCHEMA)],
        },
    }


def directory_schemas() -> Object:
    """The schemas that these paths name."""
    return {"TestServers": _servers_schema(), "Offered": _offer_body()}


def _show_operation() -> Object:
    return {
        "operationId": "showTestServers",
        "summary": "The listed test servers, and by country how many there are.",
        "responses": {"200": json_answer("What is listed.", "TestServers")},
    }


def _list_operation() -> Object:
    content = {LIST_TYPE: {"schema": {"type": "string", "format": "binary"}}}
    return {
        "operationId": "getServerList",
        "summary": "The signed list (tp-011), for `talkpath check --directory`. Nothing is kept of who asks.",
        "responses": {"200": {"description": "The list.", "content": content}},
    }


def _offer_operation() -> Object:
    body = {"required": True, "content": {OFFER_MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
    codes = ("offer", "clock", "replayed", "address", "slow", "too_large", "media_type", "limited", "busy")
    return {
        "operationId": "offerTestServer",
        "summary": "Offer a test server, renew the offer, take it back (tp-011).",
        "requestBody": body,
        "responses": {"200": json_answer("Taken.", "Offered")} | refusal_answers(*codes),
    }


def _find_operation() -> Object:
    return {
        "operationId": "findTestServer",
        "summary": "What became of an offer, and what was seen from outside.",
        "responses": {"200": json_answer("Known.", "Offered")} | refusal_answers("not_found"),
    }


def _offer_body() -> Object:
    properties: dict[str, Any] = {
        "schema": {"const": "talkpath.responder/1"},
        "state": {"enum": SERVER_STATES},
        "findings": {"type": "array", "items": TEXT_SCHEMA},
        "tested": COUNT,
    }
    return {"type": "object", "required": ["schema", "state", "findings", "tested"], "properties": properties}


def _servers_schema() -> Object:
    server = {
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
    country = dict.fromkeys(("servers", "home", "free", "tests", "passes"), COUNT) | {"country": TEXT_SCHEMA}
    properties = {
        "schema": {"const": "talkpath.servers.shown/1"},
        "key": KEY_SCHEMA,
        "serial": COUNT,
        "issued_at": TEXT_SCHEMA,
        "servers": {"type": "array", "items": _closed_object(server)},
        "countries": {"type": "array", "items": _closed_object(country)},
    }
    return _closed_object(properties)


def _closed_object(properties: Object) -> Object:
    return {"type": "object", "required": list(properties), "properties": properties}
