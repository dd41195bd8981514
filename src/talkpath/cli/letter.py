"""`talkpath letter`: a bundle as one page to print, for an operator, a regulator or a court."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.cli._terminal.judging_time import limited_judging
from talkpath.cli._terminal.language import language_option
from talkpath.cli._terminal.output_file import NEW_FILE, free_place
from talkpath.errors import UsageError, file_written
from talkpath.report.printable import printable

if TYPE_CHECKING:
    from talkpath.report.pictures.letter_page import Addressee


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--to",
    type=click.Choice(["operator", "regulator", "court"]),
    default="operator",
    show_default=True,
    help="Whom the letter is for.",
)
@click.option("--link", default="", metavar="URL", help="Address of the event or shared result, as a QR code.")
@click.option(
    "-o",
    "--output",
    type=NEW_FILE,
    help="The page. Default: BUNDLE with .letter.html.",
)
@click.option("--responders", type=click.Path(path_type=Path), help="A list of known test servers (spec tp-003).")
@language_option
@limited_judging
def command(bundle: Path, to: Addressee, link: str, output: Path | None, responders: Path | None) -> None:
    """Write a letter about BUNDLE: one page, to print or to pass on.

    It says what was measured, when, with what error rate, whose word it is, how to check it without a network, and what
    it does not prove. It names nobody who might do it.
    """
    from talkpath.api.verification import judge, read_bundle, verify
    from talkpath.evidence.bundle import WITHOUT_PAGE
    from talkpath.evidence.file import read_bytes
    from talkpath.report.pictures.letter_page import letter_page
    from talkpath.report.words.language import say

    if link and not link.startswith(("https://", "http://")):
        raise UsageError("--link is the address of a page and begins with https://.")
    data = read_bytes(bundle)
    stored = read_bundle(data)
    if stored.paired is not None:
        raise UsageError(WITHOUT_PAGE)
    place = output or free_place(bundle.with_suffix(".letter.html"))
    with file_written(place):
        place.write_text(
            letter_page(stored, data, judge(stored).verdicts, verify(stored, responders=responders).record, to, link),
            encoding="utf-8",
        )
    click.echo(say("again", "Written to {file}.", file=printable(str(place))), err=True)
