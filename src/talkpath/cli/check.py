"""`talkpath check`: are calls being restricted on this network?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.cli._language import language_option
from talkpath.errors import UsageError

if TYPE_CHECKING:
    from talkpath.measure.facts import Facts, Plan
    from talkpath.wire.sign import Signer

STOPPED = 130
NO_RECEIPT = "talkpath: the test server signed no receipt; the evidence is this device's word alone."


@click.command()
@click.argument("link", required=False)
@click.option("--app", "names", multiple=True, help="Only this app; may be given several times. Default: all.")
@click.option("--video", is_flag=True, help="Video calls too: up to 20 MB.")
@click.option("--deep", is_flag=True, help="Watch calls for 60 s each: minutes and up to 36 MB more an app.")
@click.option("--transports", is_flag=True, help="Ask for every app which transports carry a call.")
@click.option("-4", "v4", is_flag=True, help="Over IPv4 only.")
@click.option("-6", "v6", is_flag=True, help="Over IPv6 only.")
@click.option("--dry-run", is_flag=True, help="Print what would be sent, send nothing.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the evidence here.")
@click.option("--gate", is_flag=True, help="Exit 10 restricted, 11 closed, 12 impaired or unreachable, 13 unknown.")
@click.option("--plan", "plan_file", type=click.Path(path_type=Path), hidden=True, help="A plan as JSON (the lab's).")
@click.option("--lab", "in_lab", is_flag=True, hidden=True, help="Sign the evidence with the lab's key.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON (spec tp-004).")
@language_option
def command(
    link: str | None,
    names: tuple[str, ...],
    video: bool,
    deep: bool,
    transports: bool,
    v4: bool,
    v6: bool,
    dry_run: bool,
    output: Path | None,
    gate: bool,
    plan_file: Path | None,
    in_lab: bool,
    as_json: bool,
) -> int:
    """Place calls shaped like each messenger's beside look-alikes, to a consenting test server.

    LINK is an invite link or HOST:PORT#KEY.

    Ctrl-C ends the check in order: what was measured is judged and written. Exit code 0 measured, whatever the result;
    2 usage; 3 could not measure; 130 stopped before anything was measured.
    """  # fmt: skip
    from talkpath.experiment.plan import DEEP_S, choose_arms, make_plan

    media = ("voice", "video") if video else ("voice",)
    plan = make_plan(choose_arms(names, media, every=deep), watch_s=DEEP_S if deep else 0.0, transports=transports)
    if plan_file is not None:
        plan = _read_plan(plan_file)
    if v4 and v6:
        raise UsageError("-4 and -6 exclude each other: a check uses one address family.")
    if dry_run:
        _rehearse(plan, as_json)
        return 0
    if link is None:
        from talkpath.report.endings import ways_on

        click.echo(ways_on(), err=True)
        return 3
    _refuse_overwrite(output)
    signer = _signer(in_lab)
    facts = _measure(plan, link, 4 if v4 else 6 if v6 else 0, signer)
    _say_left_out(plan, facts)
    return _tell(facts, output, gate, as_json, signer)


def _read_plan(file: Path) -> Plan:
    import msgspec

    from talkpath.measure.facts import Plan

    try:
        return msgspec.json.decode(file.read_bytes(), type=Plan)
    except (OSError, msgspec.MsgspecError):
        raise UsageError("The file of --plan cannot be read or holds no plan.") from None


def _signer(in_lab: bool) -> Signer:
    """The key of this run, which nobody has before or after it."""
    from talkpath.evidence.simulation import probe_signer
    from talkpath.wire.sign import Signer

    return probe_signer() if in_lab else Signer.fresh()


def _refuse_overwrite(output: Path | None) -> None:
    if output is not None and not output.resolve().parent.is_dir():
        raise UsageError("The folder for -o does not exist; make it first. Nothing was measured.")


def _rehearse(plan: Plan, as_json: bool) -> None:
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


def _measure(plan: Plan, link: str, family: int, signer: Signer) -> Facts:
    from rich.console import Console

    from talkpath.conduct.live import run_check
    from talkpath.probe.link import parse_link
    from talkpath.report.progress import Progress

    target = parse_link(link)
    with Progress(Console(stderr=True), plan) as progress:
        return run_check(plan, target, family=family, key=signer.public, progress=progress.hear)


def _say_left_out(plan: Plan, facts: Facts) -> None:
    names = ", ".join(f"{arm.app} {arm.variant} {arm.medium}" for arm in plan.arms if arm not in facts.plan.arms)
    if names:
        click.echo(
            f"talkpath: not asked about, since the test server's talkpath imitates them otherwise: {names}.", err=True
        )


def _tell(facts: Facts, output: Path | None, gate: bool, as_json: bool, signer: Signer) -> int:
    from rich.console import Console

    from talkpath.evidence.bundle import has_receipt, write_check
    from talkpath.evidence.file import write_file
    from talkpath.report import result, text
    from talkpath.report.endings import ending

    verdicts, written = result.result(facts)
    why = facts.health.ended if facts.reach.control == "connected" else facts.reach.control
    ended = ending(why, measured=_measured(facts))
    if ended:
        click.echo(f"talkpath: {ended}", err=True)
    if as_json:
        click.echo(json.dumps(written))
    else:
        text.show(Console(file=sys.stdout), verdicts, written["transports"])
    if output is not None:
        write_file(output, write_check(facts, written, signer))
        if not ended and not has_receipt(facts, signer):
            click.echo(NO_RECEIPT, err=True)
    return result.gate(verdicts) if gate else _exit_code(facts)


def _measured(facts: Facts) -> bool:
    """Was at least one epoch measured by both ends?"""
    return any(not epoch.missing for epoch in facts.epochs)


def _exit_code(facts: Facts) -> int:
    if _measured(facts):
        return 0
    return STOPPED if facts.health.ended == "interrupted" else 3
