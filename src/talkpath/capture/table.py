"""All media packets of a capture as one table, for those who want to look for themselves."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from talkpath.capture.calls import Recorded
from talkpath.errors import UsageError

NONE_YET: dict[str, str] = {
    "call": "i4", "app": "U1", "stream": "i4", "direction": "U1", "medium": "U1", "flow": "i4", "time_s": "f8",
    "size_bytes": "i4", "ssrc": "u4", "payload_type": "u1", "sequence": "u2", "timestamp": "u4",
    "missing_before": "i4", "copy": "?", "late_ms": "f8", "frozen_ms": "f8",
}  # fmt: skip
"""The columns and their types, for a capture without a call."""


def columns(found: Recorded) -> dict[str, Any]:
    """Arrays of one row a media packet, by call, stream and time; no address is among them."""
    parts: dict[str, list[Any]] = {}
    for number, talk in enumerate(found.talks, 1):
        for stream, piece in enumerate(talk.pieces, 1):
            rows, part = piece.rows, piece.measured.rows(piece.segment)
            size = len(rows)
            values = {
                "call": np.full(size, number, np.int32),
                "app": np.full(size, talk.name.app),
                "stream": np.full(size, stream, np.int32),
                "direction": np.full(size, piece.heading),
                "medium": np.full(size, piece.medium or ""),
                "flow": np.searchsorted(talk.flows, rows["flow"]).astype(np.int32) + 1,
                "time_s": rows["time_s"],
                "size_bytes": rows["size"].astype(np.int32),
                "ssrc": rows["ssrc"],
                "payload_type": rows["type"] & 0x7F,
                "sequence": rows["sequence"],
                "timestamp": rows["stamp"],
                "missing_before": piece.measured.order.missing[part].astype(np.int32),
                "copy": ~piece.measured.order.fresh[part],
                "late_ms": 1e3 * piece.measured.times.late_s[part],
                "frozen_ms": 1e3 * piece.measured.times.frozen_s[part],
            }
            for name, value in values.items():
                parts.setdefault(name, []).append(value)
    return {name: np.concatenate(parts.get(name, [np.zeros(0, kind)])) for name, kind in NONE_YET.items()}


def write_parquet(found: Recorded, path: Path) -> None:
    """Write the table; `UsageError` where the library for it is not installed."""
    try:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise UsageError("Parquet files need the library pyarrow, which is not here: pip install pyarrow.") from None
    try:
        with path.open("wb") as out:
            parquet.write_table(arrow.table(columns(found)), out)
    except OSError as error:
        raise UsageError(f"{path.name} cannot be written ({error.strerror}); choose another place.") from None
