"""`talkpath scrub`: make a recording that can be shared."""

from __future__ import annotations

from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile

import click

from talkpath.errors import FileError, UsageError


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="The pcapng file to write.")
@click.option("--app-names", is_flag=True, help="Keep the names of apps that the file gives to calls (PCAPdroid).")
def command(file: Path, out: Path, app_names: bool) -> None:
    """Copy a capture file without addresses, names and contents.

    The copy can be shared, and `talkpath capture` finds the same calls in it as in FILE.
    """
    from talkpath.capture.scrubbing.scrub import scrub_capture
    from talkpath.report.printable import printable

    if out.exists() and file.exists() and out.samefile(file):
        raise UsageError("The scrubbed copy would replace the recording itself; name another file with -o.")
    try:
        with file.open("rb", buffering=0) as source, TemporaryFile() as made:
            left_out = scrub_capture(
                source, made, app_names=app_names
            )  # what lies in `out` stays where no copy can be made
            made.seek(0)
            with out.open("wb") as target:
                copyfileobj(made, target)
    except OSError as error:
        message = f"{file.name} cannot be copied into {out.name} ({error.strerror}); check both names."
        raise FileError(message) from None
    click.echo(
        f"{printable(out.name)} can be shared: addresses are made up, contents gone; sizes and times are the real ones."
    )
    for reason, times in sorted(left_out.items()):
        click.echo(f"  left out: {times} × {reason}")
