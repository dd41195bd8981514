"""`talkpath observe backup`: copy what cannot be made again."""

from __future__ import annotations

import json
from pathlib import Path

import click

from talkpath.cli.observe._place import FOLDER_PATH, data_option


@click.command("backup")
@click.argument("backup", type=FOLDER_PATH, metavar="BACKUP")
@data_option
@click.option("--json", "as_json", is_flag=True, help="Print as JSON what was copied.")
def command(backup: Path, data: Path, as_json: bool) -> None:
    """Copy an observatory into the folder BACKUP.

    It may be running meanwhile. Log, bundles, keys, decisions and published events are copied; what is made again from
    the log is not. Into an earlier backup only what changed is copied. Keep it as secret as the folder: it
    has its keys.
    """
    from talkpath.observatory.log.backup import back_up_folder

    files = back_up_folder(data, backup).files
    size_bytes = sum(file.size_bytes for file in files.values())
    click.echo(
        json.dumps({"schema": "talkpath.backed-up/1", "files": len(files), "bytes": size_bytes})
        if as_json
        else f"{len(files)} files, {size_bytes / 1e6:.1f} MB. `talkpath observe restore` puts them back."
    )
