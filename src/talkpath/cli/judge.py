"""`talkpath judge`: judge stored facts again."""

from __future__ import annotations

import json
from pathlib import Path

import click

from talkpath.cli._language import language_option


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON (spec tp-004, for a recording tp-007).")
@language_option
def command(bundle: Path, as_json: bool) -> None:
    """Judge the facts in BUNDLE again and say what changed since it was written."""
    from talkpath.cli._screen import screen
    from talkpath.evidence.file import read_file
    from talkpath.report import text
    from talkpath.report.pictures.html import simulation_note
    from talkpath.report.recordings import text as capture_text
    from talkpath.report.rejudge import judge_again, recording
    from talkpath.report.words.language import say

    stored = read_file(bundle)
    again = judge_again(stored)
    if as_json:
        click.echo(json.dumps(again.written | {"changes": again.changes}))
        return
    console = screen()
    if stored.findings is not None:
        capture_text.show(console, recording(), stored.findings)
    else:
        text.show(console, again.verdicts, again.written["transports"])
    if stored.simulated:
        click.echo(f"\n{simulation_note()}")
    same = say("again", "The same verdicts as when it was written.")
    click.echo("\n" + ("\n".join(again.changes) or same))
