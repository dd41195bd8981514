"""Tables of a recording for analysis: calls, streams, seconds and media packets, as Apache Arrow.

The columns follow the records of `measure.call`: a field that is added there is a column here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args, get_origin, get_type_hints

from talkpath.errors import UsageError, in_place_of
from talkpath.measure.call import Call, Moment, Second, Stream

if TYPE_CHECKING:
    import pyarrow

    from talkpath.capture.calls.records import MeasuredCapture
    from talkpath.verdict.bases.calls_together import JudgedRecording


class MeasuredRecording(Protocol):
    """What the tables need of a recording (`api.recording.Recording`)."""

    @property
    def name(self) -> str:
        """The file's name."""

    @property
    def judged(self) -> JudgedRecording:
        """Its calls, with what is said of each."""

    def packets(self) -> MeasuredCapture:
        """The packets behind them; `UsageError` where there are none."""


TableName = Literal["calls", "streams", "seconds", "packets"]
Row = dict[str, Any]
Columns = dict[str, Any]
"""Name -> Python type; a union with None is a column that may be empty."""

PLACE_COLUMNS: Columns = {"file": str, "call": int, "app": str}
"""The first columns of every table. `call` counts from 1."""

OUTCOME_COLUMNS: Columns = {"outcome": str, "outcome_s": float | None, "outcome_direction": str | None}
"""How a call was, as in tp-007."""

VERDICT_COLUMNS: Columns = {
    "state": str,
    "alternatives": tuple[str, ...],
    "loss_down_pct": float | None,
    "loss_up_pct": float | None,
    "frozen_down_pct": float | None,
    "mos_down": float | None,
}
ARROW_TYPES = {int: "int64", float: "float64", str: "string", bool: "bool_"}


def arrow_table(recording: MeasuredRecording, table: TableName) -> pyarrow.Table:
    """One table of the recording; `UsageError` for an unknown name, or where pyarrow is not installed."""
    arrow = _pyarrow()
    if table == "packets":
        return _packet_table(arrow, recording)
    if table not in ARROW_TABLES:
        raise UsageError(f"There is no table {table!r}; there are: {', '.join([*ARROW_TABLES, 'packets'])}.")
    columns, rows = ARROW_TABLES[table]
    fields = [(name, _arrow_type(arrow, kind)) for name, kind in columns().items()]
    return arrow.Table.from_pylist(list(rows(recording)), schema=arrow.schema(fields))


def call_columns() -> Columns:
    """The columns of "calls"."""
    return (
        PLACE_COLUMNS
        | _field_columns(Call, without=("app", "flows", "streams", "seconds"))
        | OUTCOME_COLUMNS
        | VERDICT_COLUMNS
    )


def call_rows(recording: MeasuredRecording) -> Iterable[Row]:
    """A row a call, with its verdict."""
    for number, judged in enumerate(recording.judged.calls, 1):
        call, how, verdict = judged.call, judged.outcome, judged.verdict
        row = _column_values(call, call_columns()) | _place_values(recording, number, call)
        row |= {"outcome": how.kind, "outcome_s": how.at_s, "outcome_direction": how.direction}
        row |= {"state": verdict.state, "alternatives": verdict.alternatives}
        yield row | {name: verdict.figures.get(name) for name in VERDICT_COLUMNS if name not in row}


def stream_columns() -> Columns:
    """The columns of "streams"."""
    return {**PLACE_COLUMNS, "stream": int, **_field_columns(Stream)}


def stream_rows(recording: MeasuredRecording) -> Iterable[Row]:
    """A row a stream. `stream` counts from 1 in each call."""
    for number, call in enumerate(recording.judged.findings.calls, 1):
        for place, stream in enumerate(call.streams, 1):
            row = _column_values(stream, _field_columns(Stream))
            yield {**_place_values(recording, number, call), "stream": place, **row}


def second_columns() -> Columns:
    """The columns of "seconds"."""
    around = _field_columns(Moment, without=("sent", "received"))
    return {**PLACE_COLUMNS, "at_s": int, "direction": str, **_field_columns(Second), **around}


def second_rows(recording: MeasuredRecording) -> Iterable[Row]:
    """A row a second and direction of a call."""
    around = _field_columns(Moment, without=("sent", "received"))
    for number, call in enumerate(recording.judged.findings.calls, 1):
        place = _place_values(recording, number, call)
        for moment in call.seconds:
            for direction, second in (("sent", moment.sent), ("received", moment.received)):
                both = _column_values(moment, around)
                yield {**place, "direction": direction, **both, **_column_values(second, _field_columns(Second))}


ARROW_TABLES: Mapping[str, tuple[Callable[[], Columns], Callable[[MeasuredRecording], Iterable[Row]]]] = {
    "calls": (call_columns, call_rows),
    "streams": (stream_columns, stream_rows),
    "seconds": (second_columns, second_rows),
}


def _packet_table(arrow: Any, recording: MeasuredRecording) -> pyarrow.Table:
    """The media packets that `talkpath capture --parquet` writes, with the file's name."""
    from talkpath.capture.table import packet_columns

    parts = [arrow.table(part) for part in packet_columns(recording.packets())]
    whole = arrow.concat_tables([part.cast(parts[0].schema) for part in parts])
    names = arrow.array([recording.name] * len(whole), arrow.string())
    return whole.add_column(0, "file", names)


def _place_values(recording: MeasuredRecording, number: int, call: Call) -> Row:
    return {"file": recording.name, "call": number, "app": call.app}


def _column_values(record: object, columns: Columns) -> Row:
    return {name: getattr(record, name) for name in columns if hasattr(record, name)}


def _field_columns(record: type, without: tuple[str, ...] = ()) -> Columns:
    return {name: kind for name, kind in get_type_hints(record).items() if name not in without}


def _arrow_type(arrow: Any, kind: Any) -> Any:
    """The Arrow type of a field's annotation: a number, a text, one of some texts, or a list of these."""
    if get_origin(kind) is Literal:
        return arrow.string()
    if get_origin(kind) is tuple:
        return arrow.list_(_arrow_type(arrow, get_args(kind)[0]))
    if isinstance(kind, UnionType) or get_origin(kind) is not None:
        return _arrow_type(arrow, next(part for part in get_args(kind) if part is not NoneType))
    return getattr(arrow, ARROW_TYPES[kind])()


def _pyarrow() -> Any:
    with in_place_of(
        ImportError, UsageError("Tables need the library pyarrow, which is not here: pip install pyarrow.")
    ):
        return import_module("pyarrow")
