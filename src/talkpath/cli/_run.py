"""What the commands that measure over a link share: the run's key, the run, and how it ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.errors import UsageError

if TYPE_CHECKING:
    from talkpath.measure.facts import Facts, Plan
    from talkpath.wire.control.sign import Signer

STOPPED = 130


def signer_of(in_lab: bool) -> Signer:
    """The key of this run, which nobody has before or after it."""
    from talkpath.evidence.simulation import probe_signer
    from talkpath.wire.control.sign import Signer

    return probe_signer() if in_lab else Signer.fresh()


def refuse_overwrite(output: Path | None) -> None:
    """`UsageError`, before anything is measured, for a file that could not be written after it."""
    if output is not None and not output.resolve().parent.is_dir():
        raise UsageError("The folder for -o does not exist; make it first. Nothing was measured.")


def rehearse_plan(plan: Plan, as_json: bool) -> None:
    """The plan is a rehearsal of the same check in virtual time on a clean line: nothing is guessed."""
    from talkpath.lab.rehearsal import rehearse

    rows = rehearse(plan)
    if as_json:
        click.echo(json.dumps(rows))
        return
    click.echo(f"{'arm':<28}{'flows':>7}{'packets':>9}{'sent kB':>9}{'back kB':>9}{'seconds':>9}")
    for row in [*rows["arms"], rows["total"]]:
        click.echo(f"{row['arm']:<28}{row['flows']:>7}{row['packets']:>9}{row['bytes_sent'] / 1000:>9.0f}"
                   f"{row['bytes_received'] / 1000:>9.0f}{row['seconds']:>9.1f}")  # fmt: skip
    click.echo(
        f"To: the one test server of the link, from at most {rows['local_ports']} local ports. On a clean line 19 of "
        f"20 checks stay within {rows['within_pct']} % of these bytes.\n"
        f"On another line, or where a restriction is found, more questions follow: {plan.budget_bytes / 1e6:.0f} MB "
        f"and {plan.budget_s:.0f} s at most, both ways together."
    )


def measure(plan: Plan, link: str, family: int, signer: Signer) -> Facts:
    """The facts, with progress on stderr. `PeerError` as `run_check`."""
    from rich.console import Console

    from talkpath.conduct.live import run_check
    from talkpath.probe.link import parse_link
    from talkpath.report.progress import Progress

    target = parse_link(link)
    with Progress(Console(stderr=True), plan) as progress:
        return run_check(plan, target, family=family, key=signer.public, progress=progress.hear)


def say_left_out(plan: Plan, facts: Facts) -> None:
    """Name the arms that the far end imitates otherwise."""
    names = ", ".join(f"{arm.app} {arm.variant} {arm.medium}" for arm in plan.arms if arm not in facts.plan.arms)
    if names:
        click.echo(
            f"talkpath: not asked about, since the test server's talkpath imitates them otherwise: {names}.", err=True
        )


def measured(facts: Facts) -> bool:
    """Was at least one epoch measured by both ends?"""
    return any(not epoch.missing for epoch in facts.epochs)


def exit_code(facts: Facts) -> int:
    """0 measured, 130 stopped before that, 3 could not measure."""
    if measured(facts):
        return 0
    return STOPPED if facts.health.ended == "interrupted" else 3
