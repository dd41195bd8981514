"""`--shape`, for every command that places, answers or judges calls; `--like`, for those that place them."""

from __future__ import annotations

from pathlib import Path

import click

from talkpath.errors import FileError


def _add_shapes(context: click.Context, _: click.Parameter, files: tuple[Path, ...]) -> None:
    if context.resilient_parsing:
        return
    from talkpath.apps import added_app
    from talkpath.apps.families.shape_file import MAX_SHAPE_FILE_BYTES, read_shape

    for file in files:
        context.with_resource(added_app(read_shape(_file_start(file, MAX_SHAPE_FILE_BYTES + 1))))


def _file_start(file: Path, size: int) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(size)
    except OSError as error:
        raise FileError(f"The file {file.name} cannot be read ({error.strerror}); is its name right?") from None


def _add_recorded(context: click.Context, _: click.Parameter, file: Path | None) -> tuple[str, ...]:
    """Have the arm of a recorded shape while the command runs; return what stands for it among the names of apps."""
    if context.resilient_parsing or file is None:
        return ()
    from talkpath.apps import added_app
    from talkpath.apps.recorded.played import played_shape, recorded_app
    from talkpath.apps.recorded.shape_text import MAX_SHAPE_TEXT_BYTES

    app = recorded_app(played_shape(_file_start(file, MAX_SHAPE_TEXT_BYTES + 1)))
    context.with_resource(added_app(app))
    return (app.id,)


shape_option = click.option(
    "--shape",
    type=click.Path(path_type=Path),
    multiple=True,
    is_eager=True,
    expose_value=False,
    callback=_add_shapes,
    metavar="FILE",
    help="Also the app whose calls this TOML file describes; the test server needs the same file.",
)

like_option = click.option(
    "--like",
    type=click.Path(path_type=Path),
    callback=_add_recorded,
    metavar="FILE",
    help="Calls like the one in this file (.shape); with --app the named apps' too. The test server needs no file.",
)
