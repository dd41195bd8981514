"""The file that `-o` names: refused before anything is measured, told of once it is written. None replaces one that
holds anything."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path
from typing import Any

import click

from talkpath.errors import UsageError


class NewFile(click.Path):
    """A file to write that is not there yet, or is empty: what was measured once is lost by no command."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path; `UsageError`, before anything is done, for a file that is there or could not be written."""
        place = Path(str(super().convert(value, param, ctx)))
        if place.is_file() and place.stat().st_size:  # an empty one is what a full disk left
            raise UsageError(f"The file {place.name} is there already; name another one. Nothing was done.")
        require_folder(place.resolve().parent)
        return place


NEW_FILE = NewFile(dir_okay=False, path_type=Path)
output_option = click.option("-o", "--output", type=NEW_FILE, help="Write a signed bundle here.")


def require_folder(folder: Path | None) -> None:
    """`UsageError`, before anything is measured, for a folder into which nothing could be written afterwards."""
    if folder is not None and not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise UsageError(
            "The folder for -o does not exist, or nothing may be written into it; make it first, or name another. "
            "Nothing was measured."
        )


def free_place(place: Path) -> Path:
    """Return that place, or the first one with a number after its name where no file is."""
    numbered = (place.with_stem(f"{place.stem}-{number}") for number in count(2))
    return next(each for each in numbered if not each.exists()) if place.exists() else place


def tell_written(output: Path | None, as_json: bool) -> None:
    """Say on stderr what the bundle that was written is good for; nothing beside JSON."""
    from talkpath.report.words.endings import wrote_bundle

    if output is not None and not as_json:
        click.echo(f"talkpath: {wrote_bundle(click.format_filename(output))}", err=True)
