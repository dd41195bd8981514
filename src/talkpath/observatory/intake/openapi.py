"""The OpenAPI 3.1 document of the report API. Tests send the requests that it describes (tests/observatory/intake)."""

from __future__ import annotations

from typing import Any

from talkpath.evidence.share import BUNDLE_MEDIA_TYPE, WITHDRAWN_SENTENCES
from talkpath.observatory.intake.collector import IntakeSettings
from talkpath.observatory.intake.requests import REFUSALS
from talkpath.version import VERSION

Object = dict[str, Any]
NOTHING: Object = {}
HEX = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
REPORT_STATES = ["received", "judged", "unfit", "withdrawn", "counted"]


def openapi_document(settings: IntakeSettings, paths: Object = NOTHING, schemas: Object = NOTHING) -> Object:
    """The document of an observatory with these settings, and of what else it serves."""
    said = "Evidence that calls are restricted comes in here (spec tp-006)."
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "talkpath observatory",
            "version": VERSION,
            "license": {"name": "Apache-2.0"},
            "description": f"SIMULATED. {said}" if settings.simulated else said,
        },
        "paths": {
            "/api/v1/bundles": {"post": SEND_BUNDLE},
            "/api/v1/reports/{name}": REPORT,
            "/api/v1/taps": {"post": _tap_operation(settings)},
            **paths,
        },
        "components": {"schemas": {**SCHEMAS, **schemas}},
    }


def _tap_operation(settings: IntakeSettings) -> Object:
    names = {"app": settings.apps, "medium": settings.media}
    body = {
        "type": "object",
        "required": list(names),
        "additionalProperties": False,
        "properties": {name: {"type": "string", "enum": sorted(known)} for name, known in names.items()},
    }
    return {
        "operationId": "tap",
        "summary": "Tell that a call failed.",
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": TAKEN
        | refusal_answers(
            "bad_request", "stopped", "slow", "too_large", "media_type", "unknown_app", "limited", "busy"
        ),
    }


def binary_content(media_type: str) -> Object:
    """Bytes of that type."""
    return {media_type: {"schema": {"type": "string", "format": "binary"}}}


def required_parameter(name: str, place: str, schema: Object) -> Object:
    """A parameter that is required."""
    return {"name": name, "in": place, "required": True, "schema": schema}


def refusal_answers(*codes: str) -> Object:
    """The statuses of these codes, and of those that any request may meet."""
    statuses = sorted({REFUSALS[code][0] for code in (*codes, "bad_request")})
    about = {status: " Or: ".join(said for found, said in REFUSALS.values() if found == status) for status in statuses}
    return {str(status): json_answer(said, "Refusal") for status, said in about.items()}


def json_answer(about: str, name: str) -> Object:
    """An answer in JSON, of the schema with that name."""
    return {
        "description": about,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}},
    }


def closed_object(properties: Object, *left_out: str) -> Object:
    """An object that has all of these properties; it may lack those that are `left_out`."""
    return {
        "type": "object",
        "required": [name for name in properties if name not in left_out],
        "properties": properties,
    }


TAKEN = {"200": json_answer("It was there already.", "Report"), "201": json_answer("Taken, and durable.", "Report")}
SEND_BUNDLE = {
    "operationId": "sendBundle",
    "summary": "Send a bundle (tp-003). Acknowledged once it is durable.",
    "parameters": [
        required_parameter("Talkpath-Withdraw", "header", HEX)
        | {
            "required": False,
            "description": "SHA-256 of the 32 bytes of a secret, which can then take the report back.",
        }
    ],
    "requestBody": {"required": True, "content": binary_content(BUNDLE_MEDIA_TYPE)},
    "responses": TAKEN | refusal_answers("stopped", "slow", "too_large", "media_type", "changed", "limited", "busy"),
}
REPORT = {
    "put": SEND_BUNDLE
    | {
        "operationId": "putReport",
        "summary": "The same, under the SHA-256 of its bytes. The same bundle sent twice is one report.",
    },
    "get": {
        "operationId": "lookUpReport",
        "summary": "What became of a report: received, judged, unfit (and why), withdrawn.",
        "responses": {"200": json_answer("Known.", "Report")} | refusal_answers("not_found"),
    },
    "delete": {
        "operationId": "withdrawReport",
        "summary": "Take a report back. Until its day is sealed it is removed, afterwards marked as withdrawn.",
        "parameters": [required_parameter("Talkpath-Secret", "header", HEX)],
        "responses": {"200": json_answer("Withdrawn.", "Withdrawn")} | refusal_answers("not_found", "not_durable"),
    },
    "parameters": [required_parameter("name", "path", HEX)],
}
_ID = {"schema": {"const": "talkpath.report/1"}, "id": HEX}
SCHEMAS = {
    "Report": closed_object({**_ID, "state": {"enum": REPORT_STATES}, "why": {"type": "string"}}, "why"),
    "Withdrawn": closed_object({**_ID, "state": {"enum": list(WITHDRAWN_SENTENCES)}, "said": {"type": "string"}}),
    "Refusal": closed_object({"error": {"type": "string", "maxLength": 200}, "code": {"enum": list(REFUSALS)}}),
}
