"""The open data as others' programs find it: a Data Package (Frictionless, version 1) and a Dataset (schema.org).

Both are made from the manifests of the sealed days, each time that they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from talkpath.observatory.intake.openapi import Object
from talkpath.observatory.log.open_data import OpenRow
from talkpath.observatory.log.seal import LICENCE
from talkpath.observatory.web.answers import OPEN_HEADERS, PAGE_HEADERS
from talkpath.observatory.web.source import Sealed, SealedFile

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

LICENCE_ADDRESS = "https://creativecommons.org/licenses/by/4.0/"
ROW_SCHEMA = "row-schema.json"
FORMATS = {"gz": ("jsonl", "application/gzip"), "parquet": ("parquet", "application/vnd.apache.parquet")}
FIELD_TYPES = {
    "log10_e": "number",
    "listed": "boolean",
    "simulated": "boolean",
    "received": "date",
    "measured": "date",
    "transports": "array",
    "transports_tried": "array",
    "parameters": "object",
}
"""Frictionless types of the columns that are no text."""


def data_package(sealed: Sequence[Sealed], *, simulated: bool) -> Object:
    """The object of datapackage.json; paths are relative to it."""
    return {
        "profile": "data-package",
        "name": "talkpath-open-data",
        "title": dataset_title(simulated),
        "licenses": [{"name": LICENCE, "path": LICENCE_ADDRESS}],
        "resources": [_resource(day, file) for day in sealed for file in day.files],
    }


def row_schema() -> Object:
    """The Table Schema of a row, which all resources share."""
    return {
        "fields": [{"name": name, "type": FIELD_TYPES.get(name, "string")} for name in OpenRow.__struct_fields__],
        "missingValues": [""],
    }


def dataset_record(sealed: Sequence[Sealed], root: str, *, simulated: bool) -> Object:
    """The schema.org Dataset as JSON-LD. `root`: the address of the observatory."""
    days = sorted(day.day for day in sealed)
    return {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "name": dataset_title(simulated),
        "description": "Each report that an observatory took in of whether calls shaped like a messenger's fare worse "
        "than control traffic of the same lengths at the same instants: by day, network, country, app and medium, with "
        "its state and the rule named. No address of anybody. A day is sealed two days after its end.",
        "url": f"{root}/data",
        "license": LICENCE_ADDRESS,
        "isAccessibleForFree": True,
        "keywords": ["internet censorship", "network measurement", "VoIP", "WebRTC"],
        "creator": {"@type": "Organization", "name": "talkpath"},
        **({"temporalCoverage": f"{days[0]}/{days[-1]}"} if days else {}),
        "distribution": [
            {
                "@type": "DataDownload",
                "contentUrl": f"{root}/open/{file.name}",
                "encodingFormat": _format(file)[1],
                "contentSize": f"{file.size_bytes} B",
                "sha256": file.sha256,
            }
            for day in sealed
            for file in day.files
        ],
    }


def dataset_title(simulated: bool) -> str:
    """The title of both."""
    return "SIMULATED: talkpath open data of a made-up country" if simulated else "talkpath open data"


def _resource(day: Sealed, file: SealedFile) -> Object:
    return {
        "name": file.name.lower().replace("/", "-"),
        "path": file.name,
        "format": _format(file)[0],
        "mediatype": _format(file)[1],
        "bytes": file.size_bytes,
        "hash": f"sha256:{file.sha256}",
        "schema": ROW_SCHEMA,
        "sources": [{"title": f"reports that came in on {day.day}"}],
    }


def _format(file: SealedFile) -> tuple[str, str]:
    """(format, media type) by the file's ending."""
    return FORMATS[file.name.rpartition(".")[2]]


def dataset_routes(sealed: Callable[[], Sequence[Sealed]], address: str, *, simulated: bool) -> list[BaseRoute]:
    """The routes of these records; put them before the files of the open data. `address` as in `Site`."""
    from starlette.responses import Response
    from starlette.routing import Route

    def answer(made: Callable[[str], Mapping[str, Any]], kind: str) -> Callable[[Request], Response]:
        def written(request: Request) -> Response:
            here = f"{request.url.scheme}://{request.url.netloc}"
            root = (address.rstrip("/") or here) + request.scope.get("root_path", "")
            body = msgspec.json.format(msgspec.json.encode(made(root)))
            return Response(body, headers={**PAGE_HEADERS, **OPEN_HEADERS, "Vary": "Host"}, media_type=kind)

        return written

    return [
        Route(
            "/open/datapackage.json",
            answer(lambda root: data_package(sealed(), simulated=simulated), "application/json"),
        ),
        Route(f"/open/{ROW_SCHEMA}", answer(lambda root: row_schema(), "application/json")),
        Route(
            "/open/dataset.jsonld",
            answer(lambda root: dataset_record(sealed(), root, simulated=simulated), "application/ld+json"),
        ),
    ]
