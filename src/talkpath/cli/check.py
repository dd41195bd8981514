"""`talkpath check`: are calls being restricted on this network?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.errors import UsageError

if TYPE_CHECKING:
    from talkpath.measure.facts import Facts, Plan

WAYS_ON = """There is no test server to check against yet. Three ways on:

  1. A friend on a network without restrictions runs   talkpath respond --invite THEIR.HOST.NAME
     and sends you the link (or its QR code); then      talkpath check 'talkpath://…'
  2. Run your own on a machine elsewhere:               docs/how-to/run-a-responder.md
  3. Record a call that fails and look into it:         talkpath capture call.pcap
"""


SENTENCES = {
    "refused": "Nothing listens at the link's port. Ask whoever runs the test server, or use another link.",
    "timeout": "The test server does not answer. Is this device online, and the test server up? Try another link too.",
    "responder_lost": "The test server went away during the check; {kept}.",
    "network_lost": "This device's network was lost during the check; {kept}.",
    "interrupted": "Stopped; {kept}.",
}
KEPT = "what was measured until then is kept", "nothing had been measured yet"
STOPPED = 130


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
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON (spec tp-004).")
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
        click.echo(WAYS_ON, err=True)
        return 3
    _refuse_overwrite(output)
    facts = _measure(plan, link, 4 if v4 else 6 if v6 else 0)
    _say_left_out(plan, facts)
    return _tell(facts, output, gate, as_json)


def _read_plan(file: Path) -> Plan:
    import msgspec

    from talkpath.measure.facts import Plan

    try:
        return msgspec.json.decode(file.read_bytes(), type=Plan)
    except (OSError, msgspec.MsgspecError):
        raise UsageError("The file of --plan cannot be read or holds no plan.") from None


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


def _measure(plan: Plan, link: str, family: int) -> Facts:
    from rich.console import Console

    from talkpath.conduct.live import run_check
    from talkpath.probe.link import parse_link
    from talkpath.report.progress import Progress

    target = parse_link(link)
    with Progress(Console(stderr=True), plan) as progress:
        return run_check(plan, target, family=family, progress=progress.hear)


def _say_left_out(plan: Plan, facts: Facts) -> None:
    names = ", ".join(f"{arm.app} {arm.variant} {arm.medium}" for arm in plan.arms if arm not in facts.plan.arms)
    if names:
        click.echo(
            f"talkpath: not asked about, since the test server's talkpath imitates them otherwise: {names}.", err=True
        )


def _tell(facts: Facts, output: Path | None, gate: bool, as_json: bool) -> int:
    from rich.console import Console

    from talkpath.evidence.bundle import write_bundle
    from talkpath.report import result, text

    verdicts, written = result.result(facts)
    why = facts.health.ended if facts.reach.control == "connected" else facts.reach.control
    if why in SENTENCES:
        click.echo(f"talkpath: {SENTENCES[why].format(kept=KEPT[0] if _measured(facts) else KEPT[1])}", err=True)
    if as_json:
        click.echo(json.dumps(written))
    else:
        text.show(Console(file=sys.stdout), verdicts)
    if output is not None:
        _write(output, write_bundle(facts, written, []))
    return result.gate(verdicts) if gate else _exit_code(facts)


def _measured(facts: Facts) -> bool:
    """Was at least one epoch measured by both ends?"""
    return any(not epoch.missing for epoch in facts.epochs)


def _exit_code(facts: Facts) -> int:
    if _measured(facts):
        return 0
    return STOPPED if facts.health.ended == "interrupted" else 3


def _write(output: Path, data: bytes) -> None:
    try:
        output.write_bytes(data)
    except OSError:
        raise UsageError("The evidence could not be written to the place of -o; is the disk full?") from None
