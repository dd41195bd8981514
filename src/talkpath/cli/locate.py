"""`talkpath locate`: from which router on are calls held back?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.cli._language import language_option
from talkpath.cli._run import exit_code, measure, refuse_overwrite, rehearse_plan, say_left_out, signer_of
from talkpath.errors import UsageError

if TYPE_CHECKING:
    from talkpath.measure.facts import Facts
    from talkpath.wire.control.sign import Signer


@click.command()
@click.argument("link", required=False)
@click.option("--app", "names", multiple=True, help="Only this app; may be given several times. Default: all.")
@click.option("--video", is_flag=True, help="Video calls too.")
@click.option("-4", "v4", is_flag=True, help="Over IPv4 only.")
@click.option("-6", "v6", is_flag=True, help="Over IPv6 only.")
@click.option("--dry-run", is_flag=True, help="Print what would be sent, send nothing.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the evidence here.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON (spec tp-010).")
@language_option
def command(
    link: str | None,
    names: tuple[str, ...],
    video: bool,
    v4: bool,
    v6: bool,
    dry_run: bool,
    output: Path | None,
    as_json: bool,
) -> int:
    """A check that goes on to ask where on the path it acts, if something is restricted.

    LINK is an invite link or HOST:PORT#KEY, as for `check`. Some packets of calls and of their look-alikes may go only
    a few hops; routers answer where they end. Routers are told by number and kind, never by address. Linux, at both
    ends, no root. Exit codes as for `check`.
    """  # fmt: skip
    from talkpath.experiment.plan import choose_arms, locating, make_plan
    from talkpath.report.words.endings import ways_on
    from talkpath.wire.ip.error_queue import available

    plan = locating(make_plan(choose_arms(names, ("voice", "video") if video else ("voice",))))
    if v4 and v6:
        raise UsageError("-4 and -6 exclude each other: a check uses one address family.")
    if dry_run:
        rehearse_plan(plan, as_json)
        return 0
    if link is None or (why := available()):
        click.echo(ways_on() if link is None else f"talkpath: {why}", err=True)
        return 3
    refuse_overwrite(output)
    signer = signer_of(False)
    facts = measure(plan, link, 4 if v4 else 6 if v6 else 0, signer)
    say_left_out(plan, facts)
    return _tell(facts, output, as_json, signer)


def _tell(facts: Facts, output: Path | None, as_json: bool, signer: Signer) -> int:
    from talkpath.cli._screen import screen
    from talkpath.conduct.locate import places
    from talkpath.evidence.bundle import write_check
    from talkpath.evidence.file import write_file
    from talkpath.report import result
    from talkpath.report.words import place
    from talkpath.report.words.endings import ending

    code = exit_code(facts)
    ended = ending(facts.health.ended if facts.reach.control == "connected" else facts.reach.control, measured=not code)
    if ended:
        click.echo(f"talkpath: {ended}", err=True)
    found = places(facts)
    verdicts, plain = result.result(facts)
    if as_json:
        click.echo(json.dumps(place.record(facts, found)))
    else:
        place.show(screen(), found, verdicts)
    if output is not None:
        write_file(output, write_check(facts, plain, signer))
    return code
