"""The file that `-o` names: refused before anything is measured, told of once it is written."""

from __future__ import annotations

from pathlib import Path

import click

from talkpath.errors import UsageError


def require_folder(output: Path | None) -> None:
    """`UsageError`, before anything is measured, for a file that could not be written afterwards."""
    if output is not None and not output.resolve().parent.is_dir():
        raise UsageError("The folder for -o does not exist; make it first. Nothing was measured.")


def tell_written(output: Path | None, as_json: bool) -> None:
    """Say on stderr what the bundle that was written is good for; nothing beside JSON."""
    from talkpath.report.words.endings import wrote_bundle

    if output is not None and not as_json:
        click.echo(f"talkpath: {wrote_bundle(click.format_filename(output))}", err=True)
