"""`talkpath check`: are calls being restricted on this network?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.cli._language import language_option
from talkpath.cli._run import exit_code, measure, measured, refuse_overwrite, rehearse_plan, say_left_out, signer_of
from talkpath.errors import UsageError

if TYPE_CHECKING:
    from talkpath.measure.facts import Facts, Plan
    from talkpath.wire.control.sign import Signer

NO_RECEIPT = "talkpath: the test server signed no receipt; the evidence is this device's word alone."


@click.command()
@click.argument("link", required=False)
@click.option("--app", "names", multiple=True, help="Only this app; may be given several times. Default: all.")
@click.option("--video", is_flag=True, help="Video calls too: up to 20 MB.")
@click.option(
    "--deep", is_flag=True, help="Watch calls for 60 s each: 200 s and 36 MB more at most for each way to call."
)
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
        rehearse_plan(plan, as_json)
        return 0
    if link is None:
        from talkpath.report.words.endings import ways_on

        click.echo(ways_on(), err=True)
        return 3
    refuse_overwrite(output)
    signer = signer_of(in_lab)
    facts = measure(plan, link, 4 if v4 else 6 if v6 else 0, signer)
    say_left_out(plan, facts)
    return _tell(facts, output, gate, as_json, signer)


def _read_plan(file: Path) -> Plan:
    import msgspec

    from talkpath.measure.facts import Plan

    try:
        return msgspec.json.decode(file.read_bytes(), type=Plan)
    except (OSError, msgspec.MsgspecError):
        raise UsageError("The file of --plan cannot be read or holds no plan.") from None


def _tell(facts: Facts, output: Path | None, gate: bool, as_json: bool, signer: Signer) -> int:
    from talkpath.cli._screen import screen
    from talkpath.evidence.bundle import has_receipt, write_check
    from talkpath.evidence.file import write_file
    from talkpath.report import result, text
    from talkpath.report.words.endings import ending

    verdicts, written = result.result(facts)
    why = facts.health.ended if facts.reach.control == "connected" else facts.reach.control
    ended = ending(why, measured=measured(facts))
    if ended:
        click.echo(f"talkpath: {ended}", err=True)
    if as_json:
        click.echo(json.dumps(written))
    else:
        text.show(screen(), verdicts, written["transports"])
    if output is not None:
        write_file(output, write_check(facts, written, signer))
        if not ended and not has_receipt(facts, signer):
            click.echo(NO_RECEIPT, err=True)
    return result.gate(verdicts) if gate else exit_code(facts)
