"""`--shape`, for every command that places, answers or judges calls."""

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
        try:
            with file.open("rb") as opened:
                data = opened.read(MAX_SHAPE_FILE_BYTES + 1)
        except OSError as error:
            raise FileError(f"The file {file.name} cannot be read ({error.strerror}); is its name right?") from None
        context.with_resource(added_app(read_shape(data)))


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
