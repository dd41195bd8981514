"""`talkpath withdraw`: take a shared bundle back."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("receipt", type=click.Path(path_type=Path))
def command(receipt: Path) -> None:
    """Take back the bundle that RECEIPT, written by `talkpath share`, is of.

    Until its day is sealed, 48 hours after the day's end, it is removed; afterwards it is marked as withdrawn.
    """  # fmt: skip
    from talkpath.evidence.share import DONE, read_receipt, withdraw

    click.echo(f"Withdrawn. {DONE[withdraw(read_receipt(receipt))]}")
