"""`--like`, for every command that places calls."""

from __future__ import annotations

from pathlib import Path

import click

from talkpath.errors import file_read


def _file_start(file: Path, size: int) -> bytes:
    with file_read(file), file.open("rb") as opened:
        return opened.read(size)


def _add_recorded(context: click.Context, _: click.Parameter, file: Path | None) -> tuple[str, ...]:
    """Have the arm of a recorded shape while the command runs; return what stands for it among the names of apps."""
    if context.resilient_parsing or file is None:
        return ()
    from talkpath.apps import added_app
    from talkpath.apps.contract.shape import MAX_SHAPE_TEXT_BYTES
    from talkpath.apps.recorded.played import PlayedShape, engine_shape_files, recorded_app
    from talkpath.apps.recorded.shape_text import is_shape_text, read_shape_text

    if not file.exists():
        file = engine_shape_files().get(str(file), file)
    data = _file_start(file, MAX_SHAPE_TEXT_BYTES + 1)
    if is_shape_text(data):
        record = read_shape_text(data)
    else:
        from talkpath.capture.shapes.read_recordings import shape_of_files

        record = shape_of_files([file])
    app = recorded_app(PlayedShape(record))
    context.with_resource(added_app(app))
    return (app.id,)


like_option = click.option(
    "--like",
    type=click.Path(path_type=Path),
    callback=_add_recorded,
    metavar="FILE",
    help="Calls like the one in this file (a shape or a recording), or as today's chromium, firefox, telegram-direct, "
    "telegram-reflector send them; with --app the named apps' too. The test server needs no file.",
)
