"""The pages' part of the OpenAPI document: every address that is asked with GET, made from the table of pages.

Schemas are those of the views' records. Each parameter has an example; on an observatory with data of its own other
values take its place.
"""

from __future__ import annotations

import re
from typing import get_type_hints

import msgspec
from msgspec import Struct

from talkpath.observatory.intake.openapi import Object
from talkpath.observatory.web.answers import PageRoute
from talkpath.observatory.web.csv_tables import has_table
from talkpath.observatory.web.routes import PAGES
from talkpath.report.words.language import language_codes

SCHEMA_REFERENCE = "#/components/schemas/{name}"
EXAMPLES = {"country": "XX", "network": "AS64496", "medium": "voice", "app": "whatsapp"}
IDS = {
    "/event": "XX/AS64496/telegram/voice/2025-08-11/began",
    "/claims": "S10",
    "/letter": "XX/AS64496/telegram/voice/2025-08-11/began",
    "/report": "ab" * 32,
}
ABOUT = {
    "language": "The language of the sentences in it.",
    "country": "ISO 3166 code.",
    "network": "AS number, as AS64496; of events also a part of its operator's name.",
    "medium": "voice, video or text.",
    "app": "The id of an app.",
    "id": "The id that a list gives; of a report the SHA-256 of its bundle.",
    "from": "The first day, of UTC; half a year back where it is left out.",
    "to": "The last day, of UTC. States are then as they stood on it.",
    "until": "The last day, of UTC.",
    "step": "day, week (from Monday) or month.",
    "page": "Which page of the rows; CSV has all of them.",
    "group": "change, network, app or none.",
    "kind": "began, changed, ended or withdrawn.",
    "level": "signal, confirmed or attack-resistant.",
    "outcome": "supported, contradicted, silent or not measurable.",
    "q": "What is looked for.",
}
FEED = "/feeds/{name}.atom"
OPEN_FILE = "/open/{day}/{file}"
DATASET_FILES = {
    "/open/datapackage.json": ("getDataPackage", "The open data as a Data Package (Frictionless)."),
    "/open/row-schema.json": ("getRowSchema", "The Table Schema of a row of it."),
    "/open/dataset.jsonld": ("getDataset", "The open data as a Dataset (schema.org, JSON-LD)."),
}


def page_paths() -> Object:
    """The paths of all pages, of feeds, and of open data."""
    found: Object = {}
    for one in PAGES:
        base = "/{language}" + re.sub(r":path", "", one.path)
        for ending, answer in _answer_kinds(one).items():
            found[base + ending] = {"get": _page_operation(one, base, ending, answer)}
    atom = {"200": _answer_content("Events as Atom: `events`, or a country's code.", "application/atom+xml")}
    file = {"200": _answer_content("A file of a sealed day.", "application/octet-stream")}
    found[FEED] = {
        "get": _get_operation("getFeed", "Events as a feed.", [_named_parameter("name", "events", "path")], atom)
    }
    day = [_named_parameter("day", "2026-11-24", "path"), _named_parameter("file", "manifest.json", "path")]
    found[OPEN_FILE] = {"get": _get_operation("getOpenFile", "The open data of a day, CC BY 4.0.", day, file)}
    for path, (name, about) in DATASET_FILES.items():
        found[path] = {"get": _get_operation(name, about, [], {"200": _answer_content(about, "application/json")})}
    return found


def page_schemas() -> Object:
    """The schemas that these paths name."""
    return {
        **msgspec.json.schema_components(
            list(dict.fromkeys(_record_kind(one) for one in PAGES)), ref_template=SCHEMA_REFERENCE
        )[1],
        "PageError": _error_answer(),
    }


def _record_kind(one: PageRoute) -> type[Struct]:
    """The record that a page's view gives."""
    said = get_type_hints(one.view)["return"]
    kinds = [kind for kind in getattr(said, "__args__", (said,)) if kind is not type(None)]
    kind: type[Struct] = kinds[0]
    return kind


def _answer_kinds(one: PageRoute) -> Object:
    """What is answered, by how the address ends."""
    schema = {"allOf": [{"$ref": SCHEMA_REFERENCE.format(name=_record_kind(one).__name__)}, _head_properties()]}
    json = {"description": "The page's record.", "content": {"application/json": {"schema": schema}}}
    found = {"": _answer_content("The page.", "text/html"), ".json": json}
    if has_table(_record_kind(one)):
        found[".csv"] = _answer_content("All its rows, in UTF-8 with a byte order mark.", "text/csv")
    if one.picture:
        found[".png"] = _answer_content("The picture, with its heading and where it is from.", "image/png")
    return found


def _head_properties() -> Object:
    """What every page's record has beside its own names."""
    names = {"type": "object", "additionalProperties": {"type": "string"}}
    return {
        "type": "object",
        "required": ["schema", "simulated", "as_of", "operators"],
        "properties": {"simulated": {"type": "boolean"}, "as_of": {"type": "string"}, "operators": names},
    }


def _page_operation(one: PageRoute, base: str, ending: str, answer: Object) -> Object:
    words = re.sub(r"[^a-z]+", " ", one.path.lower()).title().replace(" ", "")
    inside = re.findall(r"\{(\w+)\}", base)
    path = [_named_parameter(name, "en", "path") if name == "language" else _in_path(name, base) for name in inside]
    query = [_named_parameter(name, example, "query") for name, example in one.names.items() if name not in inside]
    plain = ending.removeprefix(".").upper() or "HTML"
    refused = (
        {"400": _refused_answers(), "404": _refused_answers(), "503": _refused_answers()}
        if ending
        else {"404": _answer_content("No such page.", "text/html")}
    )
    about = (one.view.__doc__ or "").split(";")[0].split(".")[0]
    return _get_operation(
        f"get{words}{plain.title()}", f"{about}, as {plain}.", [*path, *query], {"200": answer, **refused}
    )


def _get_operation(name: str, summary: str, parameters: list[Object], responses: Object) -> Object:
    return {"operationId": name, "summary": summary, "parameters": parameters, "responses": responses}


def _in_path(name: str, base: str) -> Object:
    example = next((known for start, known in IDS.items() if start in base), "") if name == "id" else EXAMPLES[name]
    return _named_parameter(name, example, "path")


def _named_parameter(name: str, example: str, place: str) -> Object:
    schema: Object = {"type": "string"}
    if name == "language":
        schema["enum"] = language_codes()
    about = {"description": ABOUT[name]} if name in ABOUT else {}
    return {"name": name, "in": place, "required": place == "path", "schema": schema, "example": example, **about}


def _answer_content(about: str, kind: str) -> Object:
    return {"description": about, "content": {kind: {"schema": {"type": "string"}}}}


def _refused_answers() -> Object:
    content = {"application/json": {"schema": {"$ref": SCHEMA_REFERENCE.format(name="PageError")}}}
    return {
        "description": "A parameter is unknown; or there is no such page, or it is not published, or not now.",
        "content": content,
    }


def _error_answer() -> Object:
    return {
        "type": "object",
        "required": ["schema", "code", "error"],
        "properties": {
            "schema": {"const": "talkpath.error/1"},
            "code": {"enum": ["not_found", "not_now", "unknown_parameter"]},
            "error": {"type": "string"},
        },
    }
