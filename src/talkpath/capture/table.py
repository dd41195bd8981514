"""Writes all media packets of a capture as one table, for analyses of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from talkpath.capture.calls.records import MeasuredCapture
from talkpath.errors import UsageError, file_written, in_place_of

COLUMN_TYPES: dict[str, str] = {
    "call": "i4",
    "app": "U1",
    "stream": "i4",
    "direction": "U1",
    "medium": "U1",
    "flow": "i4",
    "time_s": "f8",
    "size_bytes": "i4",
    "ssrc": "u4",
    "payload_type": "u1",
    "sequence": "u2",
    "timestamp": "u4",
    "missing_before": "i4",
    "copy": "?",
    "late_ms": "f8",
    "frozen_ms": "f8",
}
"""The columns and their types, for a capture without a call."""
PARQUET_GROUP_ROWS = 1 << 17


def packet_columns(capture: MeasuredCapture) -> Iterator[dict[str, Any]]:
    """Yield arrays with one row a media packet, sorted by call, stream and time, in several tables, of which the first
    has no rows. No address is among them."""
    yield {name: np.zeros(0, kind) for name, kind in COLUMN_TYPES.items()}
    for call, place, part, own in capture.stream_packets():
        detected, rows, size = capture.calls[call], part.segments.rows[own], len(own)
        stream = detected.streams[place]
        yield {
            "call": np.full(size, call + 1, np.int32),
            "app": np.full(size, detected.name.app),
            "stream": np.full(size, place + 1, np.int32),
            "direction": np.full(size, stream.direction),
            "medium": np.full(size, stream.medium or ""),
            "flow": np.searchsorted(detected.flows, rows["flow"]).astype(np.int32) + 1,
            "time_s": rows["time_s"],
            "size_bytes": rows["size"].astype(np.int32),
            "ssrc": rows["ssrc"],
            "payload_type": rows["type"] & 0x7F,
            "sequence": rows["sequence"],
            "timestamp": rows["stamp"],
            "missing_before": part.order.missing[own].astype(np.int32),
            "copy": ~part.order.fresh[own],
            "late_ms": 1e3 * part.times.late_s[own],
            "frozen_ms": 1e3 * part.times.frozen_s[own],
        }


def write_parquet(capture: MeasuredCapture, path: Path) -> None:
    """Write the table in groups of rows. `UsageError` where the library for it is not installed."""
    with in_place_of(
        ImportError, UsageError("Parquet files need the library pyarrow, which is not here: pip install pyarrow.")
    ):
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    tables = (arrow.table(some) for some in packet_columns(capture))
    group = [next(tables)]
    schema = group[0].schema
    with file_written(path), path.open("wb") as out, parquet.ParquetWriter(out, schema) as writer:
        for table in tables:
            group.append(table.cast(schema))
            if sum(map(len, group)) >= PARQUET_GROUP_ROWS:
                writer.write_table(arrow.concat_tables(group))
                group = []
        if group:
            writer.write_table(arrow.concat_tables(group))
