"""`talkpath scrub`: make a recording that can be shared."""

from __future__ import annotations

from pathlib import Path

import click

from talkpath.errors import UsageError


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="The pcapng file to write.")
def command(file: Path, out: Path) -> None:
    """Write a copy of the capture FILE that can be shared: no addresses, names or contents, the same calls."""
    from talkpath.capture.scrub import scrub

    if out.exists() and file.exists() and out.samefile(file):
        raise UsageError("The scrubbed copy would replace the recording itself; name another file with -o.")
    new = out.with_name(f"{out.name}.new")
    try:
        with file.open("rb", buffering=0) as source, new.open("wb") as target:
            left_out = scrub(source, target)
        new.replace(out)
    except OSError as error:
        told = f"{file.name} cannot be copied into {out.name} ({error.strerror}); check both names."
        raise UsageError(told) from None
    finally:  # what was there before stays where nothing could be written
        new.unlink(missing_ok=True)
    click.echo(f"{out.name} can be shared: addresses are made up, contents gone; sizes and times are the real ones.")
    for reason, times in sorted(left_out.items()):
        click.echo(f"  left out: {times} × {reason}")
