"""`talkpath report`: a stored bundle as text, JSON, or one HTML file."""

from __future__ import annotations

import json
from pathlib import Path

import click

from talkpath.cli._terminal.judging_time import limited_judging
from talkpath.cli._terminal.language import language_option
from talkpath.cli._terminal.output_file import NEW_FILE
from talkpath.errors import file_written
from talkpath.report.printable import printable


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("-o", "--html", "page", type=NEW_FILE, help="Write one HTML file here.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON (spec tp-004, for a recording tp-007).")
@language_option
@limited_judging
def command(bundle: Path, page: Path | None, as_json: bool) -> None:
    """Show a bundle as text, JSON or an HTML page.

    The page loads nothing else, so it can be read offline, printed and passed on. Verdicts are computed from the facts
    in BUNDLE; where they differ from those that were stored, the report says so.
    """
    from talkpath.api.verification import judge, read_bundle
    from talkpath.cli.judge import show_stored
    from talkpath.report.pictures.check_page import simulation_note
    from talkpath.report.rejudge import judgement_page
    from talkpath.report.words.language import say

    stored = read_bundle(bundle)
    judgement = judge(stored)
    notes = [
        say("again", "Judged otherwise than when it was written: {change}.", change=change)
        for change in judgement.changes
    ]
    if page is not None:
        with file_written(page):
            page.write_text(judgement_page(stored, judgement, notes), encoding="utf-8")
    if as_json:
        click.echo(json.dumps(judgement.record | {"changes": judgement.changes}))
    elif page is not None:
        click.echo(say("again", "Written to {file}.", file=printable(str(page))), err=True)
    else:
        if stored.simulated:
            click.echo(f"{simulation_note()}\n")
        show_stored(stored, judgement)
        for note in notes:
            click.echo(note)
