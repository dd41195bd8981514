"""`talkpath locate`: from which router on are calls held back?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.cli._terminal.exit_codes import result_exit_code
from talkpath.cli._terminal.language import language_option
from talkpath.cli._terminal.output_file import output_option, tell_written
from talkpath.cli.check.listed import country_option, directory_option, link_argument, listed_links
from talkpath.cli.check.measuring import (
    ip_version,
    judge_and_save,
    measure_facts,
    new_signer,
    rehearse_plan,
    tell_ending,
)
from talkpath.cli.check.shape import like_option

if TYPE_CHECKING:
    from talkpath.conduct.request import CheckRequest


@click.command()
@link_argument
@directory_option
@country_option
@click.option("--app", "names", multiple=True, help="Only this app; may be given several times. Default: all.")
@like_option
@click.option("--video", is_flag=True, help="Video calls too.")
@click.option("-4", "v4", is_flag=True, help="Over IPv4 only.")
@click.option("-6", "v6", is_flag=True, help="Over IPv6 only.")
@click.option("--dry-run", is_flag=True, help="Print what would be sent, and send nothing.")
@output_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON (spec tp-010).")
@language_option
def command(
    link: str | None,
    directory: str,
    country: str,
    names: tuple[str, ...],
    like: tuple[str, ...],
    video: bool,
    v4: bool,
    v6: bool,
    dry_run: bool,
    output: Path | None,
    as_json: bool,
) -> int:
    """Find from which router on calls are restricted.

    It is a check that, where it finds a restriction, also sends some packets of calls and of control traffic that may
    go only a few hops; the router where such a packet ends may answer. Routers are reported by number and kind, never
    by address. It needs Linux at both ends, and no root. LINK is an invite link, a file with one, or -; without
    one a test server is taken from a directory's list. Exit codes as for `check`.
    """
    from talkpath.api.live_check import make_check_plan
    from talkpath.conduct.request import CheckRequest
    from talkpath.experiment.plan import locating_plan
    from talkpath.wire.ip.error_queue import error_queue_missing

    plan = locating_plan(make_check_plan((*names, *like), video=video))
    family = ip_version(v4, v6)
    if dry_run:
        rehearse_plan(plan, as_json)
        return 0
    if why := error_queue_missing():
        click.echo(f"talkpath: {why}", err=True)
        return 3
    links = [link] if link else listed_links(directory, country, family)
    return _locate_restrictions(CheckRequest(plan=plan, family=family), links[0], output, as_json) if links else 3


def _locate_restrictions(request: CheckRequest, link: str, output: Path | None, as_json: bool) -> int:
    from talkpath.cli._terminal.screen import screen
    from talkpath.conduct.hop_questions import restricted_places
    from talkpath.probe.invite_link import parse_invite_link
    from talkpath.report import location_report

    signer = new_signer(False)
    facts = measure_facts(request, parse_invite_link(link), signer)
    result = judge_and_save(facts, signer, output)
    tell_ending(request.plan, result)
    places = restricted_places(facts)
    if as_json:
        click.echo(json.dumps(location_report.location_json(facts, places)))
    else:
        location_report.show_places(screen(), places, result.verdicts, known_server=result.has_known_server)
    tell_written(output, as_json)
    return result_exit_code(result)
