"""The OpenAPI 3.1 document of the report API. Tests send the requests that it describes (tests/observatory/intake)."""

from __future__ import annotations

from typing import Any

from talkpath.evidence.share import BUNDLE_MEDIA_TYPE, WITHDRAWN_SENTENCES
from talkpath.observatory.intake.collector import IntakeSettings
from talkpath.observatory.intake.refusal import REFUSALS
from talkpath.version import VERSION

HEX = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
STATES = ["received", "judged", "unfit", "withdrawn", "counted"]
Object = dict[str, Any]
NOTHING: Object = {}


def openapi_document(settings: IntakeSettings, paths: Object = NOTHING, schemas: Object = NOTHING) -> Object:
    """The document of an observatory with these settings, and of what else it serves."""
    report = {
        "put": _put(),
        "get": _get_operation(),
        "delete": _delete_operation(),
        "parameters": [required_parameter("name", "path", HEX)],
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "talkpath observatory",
            "version": VERSION,
            "license": {"name": "Apache-2.0"},
            "description": _about(settings),
        },
        "paths": {
            "/api/v1/bundles": {"post": _post()},
            "/api/v1/reports/{name}": report,
            "/api/v1/taps": {"post": _tap_operation(settings)},
            **paths,
        },
        "components": {
            "schemas": {
                "Report": _report_schema(),
                "Withdrawn": _withdrawn_schema(),
                "Refusal": _refusal_schema(),
                **schemas,
            }
        },
    }


def _about(settings: IntakeSettings) -> str:
    said = "Evidence that calls are restricted comes in here (spec tp-006)."
    return f"SIMULATED. {said}" if settings.simulated else said


def _post() -> Object:
    return {
        "operationId": "sendBundle",
        "summary": "Send a bundle (tp-003). Acknowledged once it is durable.",
        "parameters": [_withdraw_header()],
        "requestBody": _bundle_operation(),
        "responses": _taken_answers()
        | refusal_answers("stopped", "slow", "too_large", "media_type", "changed", "limited", "busy"),
    }


def _put() -> Object:
    return _post() | {
        "operationId": "putReport",
        "summary": "The same, under the SHA-256 of its bytes. The same bundle sent twice is one report.",
    }


def _get_operation() -> Object:
    return {
        "operationId": "lookUpReport",
        "summary": "What became of a report: received, judged, unfit (and why), withdrawn.",
        "responses": {"200": json_answer("Known.", "Report")} | refusal_answers("not_found"),
    }


def _delete_operation() -> Object:
    return {
        "operationId": "withdrawReport",
        "summary": "Take a report back. Until its day is sealed it is removed, afterwards marked as withdrawn.",
        "parameters": [required_parameter("Talkpath-Secret", "header", HEX)],
        "responses": {"200": json_answer("Withdrawn.", "Withdrawn")} | refusal_answers("not_found", "not_durable"),
    }


def _tap_operation(settings: IntakeSettings) -> Object:
    body = {
        "type": "object",
        "required": ["app", "medium"],
        "additionalProperties": False,
        "properties": {
            "app": {"type": "string", "enum": sorted(settings.apps)},
            "medium": {"type": "string", "enum": sorted(settings.media)},
        },
    }
    return {
        "operationId": "tap",
        "summary": "Tell that a call failed.",
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": _taken_answers()
        | refusal_answers(
            "bad_request", "stopped", "slow", "too_large", "media_type", "unknown_app", "limited", "busy"
        ),
    }


def _bundle_operation() -> Object:
    return {"required": True, "content": {BUNDLE_MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}


def _withdraw_header() -> Object:
    return required_parameter("Talkpath-Withdraw", "header", HEX) | {
        "required": False,
        "description": "SHA-256 of the 32 bytes of a secret, which can then take the report back.",
    }


def required_parameter(name: str, place: str, schema: Object) -> Object:
    """A parameter that is required."""
    return {"name": name, "in": place, "required": True, "schema": schema}


def _taken_answers() -> Object:
    return {"200": json_answer("It was there already.", "Report"), "201": json_answer("Taken, and durable.", "Report")}


def refusal_answers(*codes: str) -> Object:
    """The statuses of these codes, and of those that any request may meet."""
    statuses = sorted({REFUSALS[code][0] for code in (*codes, "bad_request")})
    return {str(status): json_answer(_status_reason(status), "Refusal") for status in statuses}


def _status_reason(status: int) -> str:
    return " Or: ".join(said for found, said in REFUSALS.values() if found == status)


def json_answer(about: str, name: str) -> Object:
    """An answer in JSON, of the schema with that name."""
    schema = {"$ref": f"#/components/schemas/{name}"}
    return {"description": about, "content": {"application/json": {"schema": schema}}}


def _report_schema() -> Object:
    properties = {
        "schema": {"const": "talkpath.report/1"},
        "id": HEX,
        "state": {"enum": STATES},
        "why": {"type": "string"},
    }
    return {"type": "object", "required": ["schema", "id", "state"], "properties": properties}


def _withdrawn_schema() -> Object:
    properties = {
        "schema": {"const": "talkpath.report/1"},
        "id": HEX,
        "state": {"enum": list(WITHDRAWN_SENTENCES)},
        "said": {"type": "string"},
    }
    return {"type": "object", "required": ["schema", "id", "state", "said"], "properties": properties}


def _refusal_schema() -> Object:
    properties = {"error": {"type": "string", "maxLength": 200}, "code": {"enum": list(REFUSALS)}}
    return {"type": "object", "required": ["error", "code"], "properties": properties}
