"""`talkpath withdraw`: take a shared bundle back."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("receipt", type=click.Path(path_type=Path))
def command(receipt: Path) -> None:
    """Take a shared bundle back from its observatory.

    RECEIPT is the file that `talkpath share` wrote; it is deleted then. Until the bundle's day is sealed, 48 hours
    after the day's end, the bundle is removed; afterwards it is marked as withdrawn.
    """
    from talkpath.evidence.share import WITHDRAWN_SENTENCES, read_share_receipt, withdraw_report

    done = withdraw_report(read_share_receipt(receipt))
    receipt.unlink(missing_ok=True)  # it has done all that it can, and would stand in the way of sharing again
    click.echo(f"Withdrawn. {WITHDRAWN_SENTENCES[done]}")
