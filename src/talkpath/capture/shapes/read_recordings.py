"""Makes a shape from files: recordings of calls, or a shape that was made already."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from io import FileIO
from pathlib import Path

from talkpath.apps.contract.shape import MAX_SHAPE_TEXT_BYTES
from talkpath.apps.recorded.record import RecordedShape, ShapeOrigin
from talkpath.apps.recorded.shape_text import is_shape_text, read_shape_text
from talkpath.capture.shapes.make_shape import MAX_RECORDINGS, make_shape, plain_name
from talkpath.capture.shapes.recorded_flow import RecordedFlow, read_flow
from talkpath.errors import FileError, UsageError, WireError, file_read


def shape_of_files(
    files: Sequence[Path], *, name: str = "", flow: int | None = None, origin: ShapeOrigin | None = None
) -> RecordedShape:
    """Return the shape that a file holds, or that of the calls in recordings, one call of each. No name of a recording
    is in it: people name files after people. `FileError` where there is no call."""
    if not 1 <= len(files) <= MAX_RECORDINGS:
        raise UsageError(f"A shape is made from 1 to {MAX_RECORDINGS} recordings.")
    if len(files) == 1 and (data := _shape_data(files[0])) is not None:
        return read_shape_text(data)
    flows = [_recorded_flow(file, flow) for file in files]
    return make_shape(flows, plain_name(name), origin)


def _shape_data(file: Path) -> bytes | None:
    """Return the text of a shape, None where the file is something else."""
    with _open_file(file) as opened:
        data = opened.read(MAX_SHAPE_TEXT_BYTES + 1)
    return data if is_shape_text(data) else None


def _recorded_flow(file: Path, flow: int | None) -> RecordedFlow:
    try:
        return read_flow(partial(_open_file, file), flow)
    except (FileError, WireError) as error:
        raise FileError(f"{file.name}: {error}") from None


def _open_file(file: Path) -> FileIO:
    with file_read(file):
        return file.open("rb", buffering=0)
