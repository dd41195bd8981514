"""The pages' part of the OpenAPI document: every address in it answers as it says, with its own examples."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import urlopen

import pytest
from jsonschema import Draft202012Validator

from talkpath.observatory.web.openapi import DATASET_FILES, FEED, OPEN_FILE, page_paths, page_schemas
from talkpath.observatory.web.routes import PAGES

ELSEWHERE = (FEED, OPEN_FILE, *DATASET_FILES)  # served beside the pages
PATHS = {path: described["get"] for path, described in page_paths().items() if path not in ELSEWHERE}
HERE = {"page": "1", "from": "2025-08-01", "to": "2025-08-30", "until": "2025-08-30"}  # of the tests' made-up country


def ask(served: str, path: str, operation: dict[str, Any]) -> tuple[int, str, bytes]:
    values = {one["name"]: HERE.get(one["name"], one["example"]) for one in operation["parameters"]}
    inside = re.findall(r"\{(\w+)\}", path)
    address = served + re.sub(r"\{(\w+)\}", lambda found: quote(values[found[1]]), path)
    query = urlencode({name: value for name, value in values.items() if name not in inside})
    try:
        with urlopen(f"{address}?{query}") as answer:
            return answer.status, answer.headers.get_content_type(), answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.headers.get_content_type(), error.read()


@pytest.mark.parametrize("path", PATHS)
def test_an_address_answers_as_described(served: str, path: str):
    status, kind, body = ask(served, path, PATHS[path])
    assert status == 200
    (content,) = PATHS[path]["responses"][str(status)]["content"].items()
    assert kind == content[0]
    if kind == "application/json":
        schema = {**content[1]["schema"], "components": {"schemas": page_schemas()}}
        Draft202012Validator(schema).validate(json.loads(body))


def test_every_page_is_described_with_an_example_of_each_name():
    assert {f"/{{language}}{page.path.replace(':path', '')}.json" for page in PAGES} <= PATHS.keys()
    assert len({operation["operationId"] for operation in PATHS.values()}) == len(PATHS)
    assert all(one["example"] for operation in PATHS.values() for one in operation["parameters"])
    assert PATHS["/{language}/picture/map/{medium}/{app}.png"]["responses"]["200"]["content"].keys() == {"image/png"}
