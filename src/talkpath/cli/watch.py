"""`talkpath watch`: repeated checks, and what all of them say together."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from talkpath.cli._terminal.language import language_option
from talkpath.cli._terminal.output_file import free_place, require_folder
from talkpath.cli.check.listed import country_option, directory_option, link_argument, listed_links
from talkpath.cli.check.shape import like_option
from talkpath.errors import UsageError

if TYPE_CHECKING:
    from talkpath.conduct.repeated_checks import Bounds, Measure, OnRun
    from talkpath.measure.facts import Facts, Plan
    from talkpath.probe.invite_link import InviteLink
    from talkpath.verdict.bases.repeated import Run

LEAST_MINUTES, MOST_TIMES, MAX_WATCH_HOURS = 10.0, 1000, 24 * 31


class WallClock:
    """The machine's own clock."""

    def now_s(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait; Ctrl-C ends it."""
        time.sleep(seconds)


@click.command()
@link_argument
@directory_option
@country_option
@click.option("--times", type=click.IntRange(2, MOST_TIMES), help="At most so many checks.")
@click.option("--for", "hours", type=click.FloatRange(0.1, MAX_WATCH_HOURS), help="At most so many hours.")
@click.option(
    "--every", "minutes", default=60.0, show_default=True, help="Minutes between two checks, on average (at least 10)."
)
@click.option("--app", "names", multiple=True, help="Only this app; may be given several times. Default: all.")
@like_option
@click.option("--campaign", metavar="TEXT", help="Take part in a campaign: its text, or a file that holds it.")
@click.option("--yes", "agreed", is_flag=True, help="You have read what the campaign will do: begin without asking.")
@click.option("--fresh", metavar="LINK", help="A second test server: is only the first one blocked?")
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path), help="A folder for all bundles.")
@click.option("--plan", "plan_file", type=click.Path(path_type=Path), hidden=True, help="A plan as JSON (the lab's).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a check, one a line (spec tp-004).")
@language_option
def command(
    link: str | None,
    directory: str,
    country: str,
    times: int | None,
    hours: float | None,
    minutes: float,
    names: tuple[str, ...],
    like: tuple[str, ...],
    campaign: str | None,
    agreed: bool,
    fresh: str | None,
    output: Path | None,
    plan_file: Path | None,
    as_json: bool,
) -> int:
    """Repeat checks over hours or days and combine their evidence.

    It runs in the foreground, at irregular times, and only as long as --times or --for allow; give one of them. Every
    check counts: their evidence is multiplied, and none is picked. Ctrl-C ends it and prints what there is. Exit code
    0: a check could tell something; 2 usage; 3 none could.

    With --fresh LINK a restriction that began after the first check can be told from one of the test server alone.
    Without LINK both servers are taken from a directory's list, in different networks, and kept for all checks.

    With --campaign TEXT the test server, the apps, the number of checks and the end are those that its organiser
    signed; it shows them first and asks.
    """
    from talkpath.conduct.repeated_checks import Bounds
    from talkpath.probe.invite_link import parse_invite_link

    require_folder(output)
    if campaign is not None:
        if times or hours or names or like:
            raise UsageError("A campaign says itself how often, how long and which apps. Nothing was measured.")
        return _take_part(campaign, agreed, plan_file, output, as_json)
    if times is None and hours is None:
        raise UsageError("Say how long: --times N checks, or --for HOURS. Nothing was measured.")
    if minutes < LEAST_MINUTES and plan_file is None:
        raise UsageError(f"--every takes at least {LEAST_MINUTES:.0f} minutes: checks are not to become a load.")
    bounds = Bounds(60.0 * minutes, times or MOST_TIMES, 3600.0 * (hours or MAX_WATCH_HOURS))
    plan = _watch_plan((*names, *like), plan_file)
    texts = [link] if link else listed_links(directory, country, 0, most=1 if fresh else 2)
    if not texts:
        return 3
    links = [parse_invite_link(text) for text in (*texts, *([fresh] if fresh else []))]
    return _watch_network(plan, links, bounds, output, as_json, [])


def _take_part(text: str, agreed: bool, plan_file: Path | None, output: Path | None, as_json: bool) -> int:
    """Watch as a campaign says, after whoever sits here agreed; its stop rule stands with the result."""
    from datetime import UTC, datetime, timedelta

    from talkpath.cli._terminal.question import is_agreed
    from talkpath.cli.campaign import open_campaign, public_link, tell_campaign
    from talkpath.conduct.repeated_checks import Bounds
    from talkpath.probe.invite_link import parse_invite_link
    from talkpath.report.printable import printable
    from talkpath.report.watch_report import stop_rule
    from talkpath.report.words.language import say

    found = open_campaign(text)
    tell_campaign(found)
    if not agreed and not is_agreed(say("campaign", "Take part?")):
        raise click.Abort
    link, now = public_link(parse_invite_link(found.link)), datetime.now(UTC)
    if waits_s := found.waits_s(now):
        click.echo(f"talkpath: {say('campaign', 'It waits until {moment} (UTC).', moment=found.begins)}", err=True)
        WallClock().sleep(waits_s)
        now += timedelta(seconds=waits_s)
    made = list(output.glob("check-*.talkpath")) if output else []
    times = min(found.checks_left(now), found.checks_left(datetime.min.replace(tzinfo=UTC)) - len(made))
    bounds = Bounds(86400.0 / found.a_day, times, found.left_s(now))
    code = _watch_network(
        _watch_plan(found.apps, plan_file), [link], bounds, output, as_json, earlier_runs(output, link)
    )
    sharing = [  # no result goes to the organiser: how whoever took part shares one themselves
        say(
            "campaign",
            "To share a check, if you wish: {command}",
            command=f"talkpath share {quote(printable(str(file)))} --to URL",
        )
        for file in sorted(output.glob("check-*.talkpath") if output else [])[:1]
    ]
    click.echo("\n".join(f"talkpath: {line}" for line in (stop_rule(found), *sharing)), err=True)
    return code


def _watch_plan(names: tuple[str, ...], plan_file: Path | None) -> Plan:
    from talkpath.api.live_check import make_check_plan
    from talkpath.cli.check import read_plan

    return make_check_plan(names) if plan_file is None else read_plan(plan_file)


def _watch_network(
    plan: Plan, links: Sequence[InviteLink], bounds: Bounds, output: Path | None, as_json: bool, runs: list[Run]
) -> int:
    """Watch by the first link; by the second one whether only the first server is blocked. `runs` count too."""
    from random import SystemRandom

    from talkpath.cli._terminal.screen import screen
    from talkpath.conduct.repeated_checks import repeat_checks
    from talkpath.report import watch_report
    from talkpath.report.words.amounts import megabytes, seconds
    from talkpath.report.words.language import say
    from talkpath.verdict.bases.repeated import join_runs

    if runs:
        click.echo(
            "talkpath: "
            + say(
                "watch",
                "Checks with this test server that the folder holds already, and that count too: {number}.",
                number=len(runs),
            ),
            err=True,
        )
    click.echo(
        "talkpath: "
        + say(
            "watch",
            "Up to about {amount} and {time} a check.",
            amount=megabytes(plan.budget_bytes),
            time=seconds(plan.budget_s, 0),
        ),
        err=True,
    )
    measure, publish = _measuring_function(plan, links, output), _publishing_function(runs, as_json)
    try:
        repeat_checks(measure, bounds, WallClock(), SystemRandom(), publish, fresh=len(links) > 1)
    except KeyboardInterrupt:
        click.echo(f"talkpath: {say('ended', 'Stopped.')}", err=True)
    if not as_json and runs:
        watch_report.show_watch(screen(), join_runs(runs))
    return 0 if any(not run.void for run in runs) else 3


def earlier_runs(folder: Path | None, link: InviteLink) -> list[Run]:
    """The checks with the test server of the link that the folder holds: whoever goes on with a campaign picks none. A
    bundle has the hour of its beginning alone; when it was written the file says."""
    from talkpath.api.verification import read_bundle
    from talkpath.verdict.bases.repeated import run_of

    paths = sorted(folder.glob("check-*.talkpath"), key=lambda path: path.stat().st_mtime) if folder else []
    ended = [(path.stat().st_mtime - time.time(), read_bundle(path).facts) for path in paths]
    return [
        run_of(ended_s - facts.duration_s, facts)
        for ended_s, facts in ended
        if facts is not None and facts.responder_key == link.key
    ]


def _measuring_function(plan: Plan, links: Sequence[InviteLink], output: Path | None) -> Measure:
    """A function that places a check to one link or the other, and writes its bundle into the folder."""
    from talkpath.api.check_result import Result
    from talkpath.cli.check.measuring import measure_facts
    from talkpath.conduct.request import CheckRequest
    from talkpath.wire.control.keys import Signer

    def measure(to_fresh: bool) -> Facts:
        signer = Signer.fresh()
        facts = measure_facts(CheckRequest(plan=plan), links[to_fresh], signer)
        if output is not None:
            numbers = (int(path.stem[-4:]) for path in output.glob("check-[0-9][0-9][0-9][0-9].talkpath"))
            Result.of(facts, signer).save(free_place(output / f"check-{max(numbers, default=0) + 1:04}.talkpath"))
        return facts

    return measure


def _publishing_function(kept: list[Run], as_json: bool) -> OnRun:
    """A function that prints a line or an object after each check."""
    from datetime import UTC, datetime

    from talkpath.report import watch_report
    from talkpath.report.check_json import judge_check
    from talkpath.verdict.bases.repeated import join_runs

    earlier = tuple(kept)

    def publish(runs: list[Run], facts: Facts | None) -> None:
        kept[:] = [*earlier, *runs]
        at = f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}"
        verdicts, check = judge_check(facts) if facts is not None else ([], None)
        if as_json:
            click.echo(json.dumps(watch_report.watch_json(len(kept), at, check, join_runs(kept))))
        else:
            click.echo(watch_report.check_line(at, verdicts) if facts is not None else watch_report.missed_line(at))

    return publish
