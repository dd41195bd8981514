"""`talkpath observe restore`: an observatory again, from its backup."""

from __future__ import annotations

import json
from pathlib import Path

import click

from talkpath.cli.observe._place import FOLDER_PATH, data_option


@click.command("restore")
@click.argument("backup", type=FOLDER_PATH, metavar="BACKUP")
@data_option
@click.option("--json", "as_json", is_flag=True, help="Print as JSON how many records there are.")
def command(backup: Path, data: Path, as_json: bool) -> None:
    """Put a BACKUP into an empty folder, and read its log once.

    Every file is compared with the backup's digests first. The index is made again when the observatory starts.
    """
    from talkpath.observatory.log.backup import restore_folder
    from talkpath.observatory.server import KIND_FILE, opened_log

    restore_folder(backup, data)
    log = opened_log(data, json.loads((data / KIND_FILE).read_bytes())["simulated"])
    count = log.last
    log.close()
    click.echo(
        json.dumps({"schema": "talkpath.restored/1", "records": count})
        if as_json
        else f"{count:,} records are back; `talkpath observe serve` goes on from there."
    )
