"""The open data as others' programs find it, and time series of it."""

from __future__ import annotations

import json
from urllib.request import urlopen

import pytest
from starlette.requests import Request

from talkpath.observatory.log.open_data import OpenRow
from talkpath.observatory.web.dataset import data_package, dataset_record, dataset_routes, row_schema
from talkpath.observatory.web.source import Sealed, SealedFile
from talkpath.observatory.web.views.picture import STEP_BEGINS

DAYS = [
    Sealed("2026-11-24", 5, (SealedFile("2026-11-24/prompt.jsonl.gz", 321, "ab" * 32),)),
    Sealed("2026-11-22", 7, (SealedFile("2026-11-22/prompt.parquet", 999, "cd" * 32),)),
]


def test_a_data_package_has_each_file_with_its_hash_and_one_schema_of_rows() -> None:
    made = data_package(DAYS, simulated=False)
    first, second = made["resources"]
    assert (first["path"], first["bytes"], first["hash"]) == ("2026-11-24/prompt.jsonl.gz", 321, "sha256:" + "ab" * 32)
    assert (first["format"], second["format"]) == ("jsonl", "parquet")
    assert {one["schema"] for one in made["resources"]} == {"row-schema.json"}
    assert [one["name"] for one in row_schema()["fields"]] == list(OpenRow.__struct_fields__)
    assert made["licenses"][0]["name"] == "CC-BY-4.0"
    assert "SIMULATED" in data_package(DAYS, simulated=True)["title"]


def test_a_dataset_tells_its_days_and_where_each_file_is() -> None:
    made = dataset_record(DAYS, "https://observatory.example", simulated=False)
    assert (made["@context"], made["@type"]) == ("https://schema.org/", "Dataset")
    assert made["temporalCoverage"] == "2026-11-22/2026-11-24"
    assert made["distribution"][0]["contentUrl"] == "https://observatory.example/open/2026-11-24/prompt.jsonl.gz"
    assert "temporalCoverage" not in dataset_record([], "https://observatory.example", simulated=False)
    assert "SIMULATED" in dataset_record([], "", simulated=True)["name"]


def test_their_addresses_answer_with_json_that_any_page_may_read() -> None:
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [(b"host", b"example")],
             "scheme": "https", "server": ("example", 443), "root_path": ""}  # fmt: skip
    for route in dataset_routes(lambda: DAYS, "", simulated=False):
        answer = route.endpoint(Request(scope))  # type: ignore[attr-defined]
        assert json.loads(answer.body)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Vary"] == "Host"  # without an address of its own the observatory takes a visitor's word


@pytest.mark.parametrize(("step", "begins"), [("day", "2026-11-25"), ("week", "2026-11-23"), ("month", "2026-11-01")])
def test_a_step_begins_on_its_first_day(step: str, begins: str) -> None:
    assert STEP_BEGINS[step]("2026-11-25") == begins


def series(served: str, path: str) -> dict[str, object]:
    with urlopen(f"{served}/en/series/{path}") as answer:
        found: dict[str, object] = json.loads(answer.read())
    return found


@pytest.mark.parametrize("place", ["XX", "XX/AS64496"])
def test_longer_steps_add_up_the_days_that_are_shown(served: str, place: str) -> None:
    asked = "from=2025-08-01&until=2025-08-30"
    days = series(served, f"{place}/voice/telegram.json?{asked}")["points"]
    months = series(served, f"{place}/voice/telegram.json?{asked}&step=month")["points"]
    assert isinstance(days, list)
    assert isinstance(months, list)
    assert len(days) > len(months) == 1
    for name in ("days", "measured", "restricted", "withheld"):
        assert months[0][name] == sum(one[name] for one in days)
    assert months[0]["restricted"] > 0


def test_until_ends_the_series_and_an_unknown_step_is_none(served: str) -> None:
    points = series(served, "XX/voice/telegram.json?from=2025-08-01&until=2025-08-10")["points"]
    assert isinstance(points, list)
    assert max(one["begin"] for one in points) <= "2025-08-10"
    with pytest.raises(OSError, match="404"):
        series(served, "XX/voice/telegram.json?step=year")
