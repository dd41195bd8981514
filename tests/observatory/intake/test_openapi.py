"""What the OpenAPI document says is what is answered: schemathesis draws requests from it, well formed and not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from starlette.applications import Starlette

from factories.observatories.sent_bundles import Bench
from talkpath.evidence.share import BUNDLE_MEDIA_TYPE
from talkpath.observatory.intake.collector import IntakeSettings
from talkpath.observatory.intake.openapi import openapi_document
from talkpath.observatory.intake.requests import REFUSALS
from talkpath.observatory.intake.routes import ReportApi

APPS = frozenset(("signal", "whatsapp"))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, IntakeSettings(apps=APPS, bundles_an_hour=10**6, taps_an_hour=10**6))
    yield made
    made.close()


@schemathesis.serializer(BUNDLE_MEDIA_TYPE)
def as_bytes(ctx: object, value: object) -> bytes:
    """A bundle is bytes; whatever else is drawn for one is sent as its text."""
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.mark.long
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_answers_are_those_of_the_document(bench: Bench, mode: GenerationMode):
    application = Starlette(routes=ReportApi(bench.collector).routes())
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", application)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == 5
    for operation in operations:

        @given(operation.as_strategy(generation_mode=mode))
        @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        def check(case: schemathesis.Case) -> None:
            # No schema says what a bundle is: drawn bytes are never one.
            response = case.call()
            # That 413 refuses too, schemathesis does not know.
            refused = [negative_data_rejection] if response.status_code == 413 else []
            case.validate_response(response, excluded_checks=[positive_data_acceptance, *refused])

        check()


def test_every_code_has_a_sentence_and_a_status():
    for code, (status, said) in REFUSALS.items():
        assert 400 <= status < 600, code
        assert said.endswith(".")
        assert said.isprintable()


def test_the_document_is_openapi():
    told = openapi_document(IntakeSettings(apps=APPS))
    assert json.loads(json.dumps(told)) == told
    for name, schema in told["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object", name
