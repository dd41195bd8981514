"""`talkpath withdraw`: take a shared bundle back."""

from __future__ import annotations

from pathlib import Path

import click

from talkpath.cli._terminal.language import language_option
from talkpath.report.words.language import say


@click.command()
@click.argument("receipt", type=click.Path(path_type=Path))
@language_option
def command(receipt: Path) -> None:
    """Take a shared bundle back from its observatory.

    RECEIPT is the file that `talkpath share` wrote; it is deleted then. Until the bundle's day is sealed, 48 hours
    after the day's end, the bundle is removed; afterwards it is marked as withdrawn.
    """
    from talkpath.evidence.share import read_share_receipt, withdraw_report

    done = withdraw_report(read_share_receipt(receipt))
    receipt.unlink(missing_ok=True)  # it has done all that it can, and would stand in the way of sharing again
    click.echo(
        say("share", "Withdrawn: the observatory has removed it. Your own file stays.")
        if done == "removed"
        else say("share", "Withdrawn. Its day is sealed: it stays in the log, marked as withdrawn.")
    )
