"""`talkpath judge`: judge stored facts again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.cli._terminal.judging_time import limited_judging
from talkpath.cli._terminal.language import language_option

if TYPE_CHECKING:
    from talkpath.evidence.bundle import Bundle
    from talkpath.report.rejudge import Judgement


@click.command()
@click.argument("bundles", metavar="BUNDLE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON (spec tp-004, for a recording tp-007).")
@language_option
@limited_judging
def command(bundles: tuple[Path, ...], as_json: bool) -> None:
    """Compute the verdicts of a bundle again.

    The verdicts follow from the facts in BUNDLE alone. It also prints what changed since the bundle was written.

    Several bundles of `talkpath endpoints` are judged together, each from another network: a bad route, or a server
    that is down, looks like a rule from one place, and not from many. Name all that were measured, also those that
    found nothing.
    """
    from talkpath.api.verification import judge, read_bundle
    from talkpath.report.pictures.check_page import simulation_note
    from talkpath.report.rejudge import judge_several
    from talkpath.report.words.language import say

    stored = [read_bundle(bundle) for bundle in bundles]
    together = len(stored) > 1
    judgement = judge_several(stored) if together else judge(stored[0])
    if as_json:
        click.echo(json.dumps(judgement.record | {"changes": judgement.changes}))
        return
    show_stored(stored[0], judgement)
    if any(bundle.simulated for bundle in stored):
        click.echo(f"\n{simulation_note()}")
    if together and not judgement.verdicts:
        click.echo(say("again", "What these networks show together says no more than each alone."))
    elif not together:
        click.echo("\n" + ("\n".join(judgement.changes) or say("again", "The same verdicts as when it was written.")))


def show_stored(stored: Bundle, judgement: Judgement) -> None:
    """Print the verdicts of a bundle, whatever kind it is of."""
    from talkpath.browser.answer.paired_result import paired_lines
    from talkpath.cli._terminal.screen import screen
    from talkpath.report.rejudge import show_judgement

    if stored.paired is not None:
        click.echo("\n".join(paired_lines(stored)))
    else:
        show_judgement(screen(), stored, judgement)
