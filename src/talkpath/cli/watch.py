"""`talkpath watch`: checks repeated, and taken together."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.cli._language import language_option
from talkpath.errors import UsageError

if TYPE_CHECKING:
    from talkpath.conduct.watch import Bounds, Measure, Told
    from talkpath.measure.facts import Facts, Plan
    from talkpath.verdict.bases.repeated import Run

LEAST_MINUTES = 10.0
MOST_TIMES = 1000


class WallClock:
    """The machine's own."""

    def now_s(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait; Ctrl-C ends it."""
        time.sleep(seconds)


@click.command()
@click.argument("link")
@click.option("--times", type=click.IntRange(2, MOST_TIMES), help="So many checks at most.")
@click.option("--for", "hours", type=click.FloatRange(0.1, 24 * 31), help="So many hours at most.")
@click.option(
    "--every", "minutes", default=60.0, show_default=True, help="Minutes between two checks, on average (at least 10)."
)
@click.option("--app", "names", multiple=True, help="Only this app; may be given several times. Default: all.")
@click.option("--fresh", metavar="LINK", help="A second test server: is only the first one blocked?")
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path), help="A folder for all evidence.")
@click.option("--plan", "plan_file", type=click.Path(path_type=Path), hidden=True, help="A plan as JSON (the lab's).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a check, on a line of its own (spec tp-004).")
@language_option
def command(
    link: str,
    times: int | None,
    hours: float | None,
    minutes: float,
    names: tuple[str, ...],
    fresh: str | None,
    output: Path | None,
    plan_file: Path | None,
    as_json: bool,
) -> int:
    """Repeat checks at irregular times, and say what all of them show together.

    It runs in the foreground, only as long as --times or --for allow; say one of them. Every check counts: their
    evidence is multiplied, and none is picked. Ctrl-C ends it with what there is.

    With --fresh LINK a restriction that began after the first check can be told from one of the test server alone.
    """  # fmt: skip
    from talkpath.conduct.watch import Bounds

    if times is None and hours is None:
        raise UsageError("Say how long: --times N checks, or --for HOURS. Nothing was measured.")
    if minutes < LEAST_MINUTES and plan_file is None:
        raise UsageError(f"--every takes at least {LEAST_MINUTES:.0f} minutes: checks are not to become a load.")
    bounds = Bounds(60.0 * minutes, times or MOST_TIMES, 3600.0 * (hours or 24 * 31))
    plan = _plan(names, plan_file)
    if output is not None and not output.is_dir():
        raise UsageError("The folder for -o does not exist; make it first. Nothing was measured.")
    return _watch(plan, link, fresh, bounds, output, as_json)


def _plan(names: tuple[str, ...], plan_file: Path | None) -> Plan:
    from talkpath.experiment.plan import choose_arms, make_plan

    if plan_file is not None:
        from talkpath.cli.check import _read_plan

        return _read_plan(plan_file)
    return make_plan(choose_arms(names))


def _watch(plan: Plan, link: str, fresh: str | None, bounds: Bounds, output: Path | None, as_json: bool) -> int:
    from random import SystemRandom

    from talkpath.cli._screen import screen
    from talkpath.conduct.watch import watch
    from talkpath.report import watch as words
    from talkpath.verdict.bases.repeated import LN10, together

    runs: list[Run] = []
    click.echo(f"talkpath: at most {plan.budget_bytes / 1e6:.0f} MB and {plan.budget_s:.0f} s a check.", err=True)
    try:
        watch(_measure(plan, link, fresh, output), bounds, WallClock(), SystemRandom(), _told(runs, as_json),
              fresh=fresh is not None)  # fmt: skip
    except KeyboardInterrupt:
        click.echo("talkpath: stopped.", err=True)
    if not as_json and runs:
        words.show(screen(), together(runs), runs[0].log_threshold / LN10)
    return 0 if any(not run.void for run in runs) else 3


def _measure(plan: Plan, link: str, fresh: str | None, output: Path | None) -> Measure:
    """A check against one link or the other; its evidence goes into the folder."""
    from talkpath.conduct.live import run_check
    from talkpath.evidence.bundle import write_check
    from talkpath.evidence.file import write_file
    from talkpath.probe.link import parse_link
    from talkpath.report.result import result
    from talkpath.wire.control.sign import Signer

    links = [parse_link(text) for text in (link, fresh) if text]
    made: list[int] = []

    def measure(anew: bool) -> Facts:
        signer = Signer.fresh()
        facts = run_check(plan, links[anew], key=signer.public, progress=lambda word, facts, ask: None)
        made.append(1)
        if output is not None:
            write_file(output / f"check-{len(made):04}.talkpath", write_check(facts, result(facts)[1], signer))
        return facts

    return measure


def _told(kept: list[Run], as_json: bool) -> Told:
    """After each check: a line, or an object."""
    from datetime import UTC, datetime

    from talkpath.report import watch as words
    from talkpath.report.result import result
    from talkpath.verdict.bases.repeated import together

    def told(runs: list[Run], facts: Facts | None) -> None:
        kept[:] = runs
        at = f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}"
        verdicts, check = result(facts) if facts is not None else ([], None)
        if as_json:
            click.echo(json.dumps(words.watch_json(len(runs), at, check, together(runs))))
        else:
            click.echo(words.line(at, verdicts) if facts is not None else words.missed(at))
        sys.stdout.flush()

    return told
