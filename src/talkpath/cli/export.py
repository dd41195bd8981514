"""`talkpath export`: bundles in the formats of other projects."""

from __future__ import annotations

import json
from pathlib import Path

import click

from talkpath.cli._terminal.judging_time import limited_judging
from talkpath.cli._terminal.output_file import NEW_FILE
from talkpath.errors import UsageError, file_written
from talkpath.report.printable import printable
from talkpath.report.words.language import say


@click.command()
@click.argument("bundles", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="BUNDLE...")
@click.option("--ooni", "as_ooni", is_flag=True, help="Write OONI's data format 0.2.0: JSON, one measurement a line.")
@click.option("-o", "--output", type=NEW_FILE, help="Write the measurements to this file.")
@limited_judging
def command(bundles: tuple[Path, ...], as_ooni: bool, output: Path | None) -> None:
    """Convert bundles to other formats (OONI).

    Each BUNDLE becomes one measurement or more. Nothing is sent anywhere.
    """
    from talkpath.api.verification import read_bundle
    from talkpath.evidence.ooni import ooni_measurements

    if not as_ooni:
        raise UsageError("There is one format so far; say --ooni.")
    lines = [
        json.dumps(measurement, ensure_ascii=False)
        for path in bundles
        for measurement in ooni_measurements(read_bundle(path))
    ]
    if output is None:
        click.echo("\n".join(lines).encode())
    else:
        with file_written(output):
            output.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        click.echo(say("again", "Written to {file}.", file=printable(str(output))), err=True)
