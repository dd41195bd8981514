"""The directory's part of the OpenAPI document. Tests send the requests that it describes."""

from __future__ import annotations

from talkpath.directory.fetch import LIST_MEDIA_TYPE
from talkpath.directory.offer import OFFER_MEDIA_TYPE
from talkpath.observatory.intake.openapi import (
    Object,
    binary_content,
    closed_object,
    json_answer,
    refusal_answers,
    required_parameter,
)

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
