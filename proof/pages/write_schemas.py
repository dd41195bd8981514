"""Write the JSON schemas of spec/ from the records that the code uses."""

from __future__ import annotations

import json
import sys
from inspect import cleandoc
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from talkpath.measure.endpoint_facts import EndpointFacts
from talkpath.measure.facts import Facts
from talkpath.observatory.events.record import Event
from talkpath.report.check_json import CheckResult, OtherFamily, SecondResult
from talkpath.report.location_report import LocateResult
from talkpath.report.recordings.capture_json import AttemptObject, CallObject, CaptureResult
from talkpath.verdict.model import Verdict

SCHEMA_FOLDER = Path(__file__).parents[2] / "spec"


class Parameter(Struct):
    """A number with its 95 % interval, or a category (`value`)."""

    estimate: float | UnsetType | None = UNSET
    low: float | UnsetType | None = UNSET
    high: float | UnsetType | None = UNSET
    value: str | UnsetType = UNSET


def with_field_type(record: type[Struct], field: str, kind: Any) -> Any:
    """The record with one field of another type (msgspec describes no union of two plain records), all written out."""
    fields: list[Any] = []
    for known in msgspec.structs.fields(record):
        described = kind if known.encode_name == field else known.type
        optional = (UNSET,) if known.default is UNSET else ()
        fields.append((known.encode_name, described, *optional))
    return msgspec.defstruct(record.__name__, fields, namespace={"__doc__": record.__doc__}, kw_only=True)


def schema_text(record: Any) -> str:
    """The JSON Schema (draft 2020-12) of a record."""
    return json.dumps(plain_descriptions(msgspec.json.schema(record)), indent=1, ensure_ascii=False) + "\n"


def plain_descriptions(part: Any) -> Any:
    """Descriptions without the indentation of docstrings, which Python 3.13 takes away by itself."""
    if isinstance(part, dict):
        return {key: _plain_value(key, value) for key, value in part.items()}
    return [plain_descriptions(one) for one in part] if isinstance(part, list) else part


def _plain_value(key: str, value: Any) -> Any:
    return cleandoc(value) if key == "description" and isinstance(value, str) else plain_descriptions(value)


def schema_files() -> dict[str, str]:
    """File name -> text."""
    verdict = with_field_type(Verdict, "parameters", dict[str, Parameter])
    verdicts = tuple.__class_getitem__((verdict, ...))
    second: Any = with_field_type(SecondResult, "verdicts", verdicts)
    other: Any = with_field_type(OtherFamily, "verdicts", verdicts)
    result = with_field_type(with_field_type(CheckResult, "verdicts", verdicts), "second", second | UnsetType)
    result = with_field_type(result, "other_family", other | UnsetType)
    call: Any = with_field_type(CallObject, "verdict", verdict)
    attempt: Any = with_field_type(AttemptObject, "verdict", verdict)
    capture = with_field_type(
        with_field_type(CaptureResult, "calls", tuple[call, ...]), "attempts", tuple[attempt, ...]
    )
    capture = with_field_type(capture, "together", verdicts | UnsetType)
    facts: dict[str, Any] = {"tp-001": Facts, "tp-001-endpoints": EndpointFacts}
    found = facts | {"tp-004": result, "tp-007": capture, "tp-008": Event, "tp-010": LocateResult}
    return {f"{number}.schema.json": schema_text(record) for number, record in found.items()}


def main() -> int:
    """Write them all."""
    for name, written in schema_files().items():
        (SCHEMA_FOLDER / name).write_text(written, encoding="utf-8")
        sys.stderr.write(f"spec/{name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
