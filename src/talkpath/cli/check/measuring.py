"""What the commands that place a check share: its plan, its key and its progress."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.apps.contract.shape import RECORDED_PREFIX
from talkpath.cli.check.turn import planned_relays, relays_sentence
from talkpath.errors import UsageError

if TYPE_CHECKING:
    from talkpath.api.check_result import Result
    from talkpath.api.listed_check import ListedCheck
    from talkpath.conduct.request import CheckRequest
    from talkpath.directory.fetch import FoundList
    from talkpath.measure.facts import Facts, Plan
    from talkpath.probe.invite_link import InviteLink
    from talkpath.wire.control.keys import Signer


def new_signer(in_lab: bool) -> Signer:
    """A new key for this run alone, or the lab's key, which everybody has."""
    from talkpath.evidence.known_responders import probe_signer
    from talkpath.wire.control.keys import Signer

    return probe_signer() if in_lab else Signer.fresh()


def ip_version(v4: bool, v6: bool) -> int:
    """4 or 6 where one was asked for, else 0; `UsageError` for both."""
    if v4 and v6:
        raise UsageError("-4 and -6 exclude each other: a check uses one address family.")
    return 4 if v4 else 6 if v6 else 0


def judge_and_save(
    facts: Facts, signer: Signer, output: Path | None, second: tuple[Facts, Signer] | None = None
) -> Result:
    """Judge a check, with the second one where there was one, and write the bundle where it was asked for.

    The bundle is written before anything is judged, without verdicts, and again with them: a judge takes memory, and a
    machine that lacks it may end this process without a word. `UsageError` where it says so.
    """
    from talkpath.api.check_result import Result
    from talkpath.evidence.bundle import write_check
    from talkpath.evidence.file import write_file
    from talkpath.report.check_json import check_json

    if output is not None:
        write_file(
            output,
            write_check(
                facts,
                check_json(facts, []),
                signer,
                b"" if second is None else write_check(second[0], check_json(second[0], []), second[1]),
            ),
        )
    with suppress(MemoryError):
        result = Result.of(facts, signer, second=None if second is None else Result.of(*second))
        if output is not None:
            result.save(output)  # before anything is shown: nothing that was measured is lost where that fails
        return result
    raise UsageError(
        "This machine has too little memory to judge what was measured. "
        + ("It is in the file of -o: judge that on another machine." if output else "With -o it would have been kept.")
    )


def rehearse_plan(plan: Plan, as_json: bool) -> None:
    """Print what the check would send: the same check, played in virtual time on a clean line."""
    from talkpath.cli._terminal.screen import screen
    from talkpath.lab.rehearsal import rehearse_check
    from talkpath.report.words.language import say

    with screen(stderr=True).status(say("progress", "The check is played in virtual time; nothing is sent")):
        rows = rehearse_check(plan)
    if plan.relays:
        rows["relays"] = planned_relays(plan)
    if as_json:
        click.echo(json.dumps(rows))
        return
    click.echo(f"{'arm':<28}{'flows':>7}{'packets':>9}{'sent kB':>9}{'back kB':>9}")
    for row in [*rows["arms"], rows["total"]]:
        sent_kb, received_kb = row["bytes_sent"] / 1000, row["bytes_received"] / 1000
        amounts = f"{row['flows']:>7}{row['packets']:>9}{sent_kb:>9.0f}{received_kb:>9.0f}"
        click.echo(f"{_arm_words(row['arm']):<28}{amounts}")
    click.echo(
        f"To: the one test server of the link, from at most {rows['local_ports']} local ports, in about "
        f"{rows['total']['seconds']:.0f} s.\n"
        f"This is typical of a clean line: 19 of 20 rehearsals stayed within {rows['within_pct']} % of the bytes.\n"
        f"On another line, or where a restriction is found, more questions follow, up to about "
        f"{plan.budget_bytes / 1e6:.0f} MB and {plan.budget_s:.0f} s, both ways together."
    )
    if plan.relays:
        click.echo(relays_sentence(rows["relays"]))


def _arm_words(arm: str) -> str:
    """An arm of a rehearsal for people: a recorded shape by its name."""
    app, _, rest = arm.partition(" ")
    return f"like {rest.replace(' ', '.shape ')}" if app.startswith(RECORDED_PREFIX) else arm


def measure_facts(request: CheckRequest, link: InviteLink, signer: Signer) -> Facts:
    """Check with the server of the link, with progress on stderr, and return the facts. `PeerError` as `run_check`."""
    from talkpath.cli._terminal.screen import screen
    from talkpath.conduct.run_check import run_check
    from talkpath.report.check_progress import CheckProgressBar

    with CheckProgressBar(screen(stderr=True), request.plan) as progress:
        return run_check(request, link, signer.public, progress)


def measure_families(request: CheckRequest, link: str, signers: tuple[Signer, Signer]) -> tuple[Facts, Facts | None]:
    """The same, and over the other version of IP where both ends have both; `signers` are the keys of both runs."""
    from talkpath.cli._terminal.screen import screen
    from talkpath.conduct.other_family import check_families
    from talkpath.probe.invite_link import parse_invite_link
    from talkpath.report.check_progress import CheckProgressBar

    with CheckProgressBar(screen(stderr=True), request.plan) as progress:
        return check_families(request, parse_invite_link(link), (signers[0].public, signers[1].public), progress)


def measure_listed(request: CheckRequest, found: FoundList, signers: tuple[Signer, Signer]) -> ListedCheck:
    """The same with a test server of a directory's list; each one that is tried is named on stderr."""
    from talkpath.api import listed_check
    from talkpath.cli._terminal.screen import screen
    from talkpath.report.check_progress import CheckProgressBar
    from talkpath.report.words.other_checks import kept_list

    if found.kept:
        click.echo(f"talkpath: {kept_list(found.servers.issued_at.date().isoformat())}", err=True)
    with CheckProgressBar(screen(stderr=True), request.plan) as progress:
        return listed_check.measure_listed(request, found, signers, progress)


def tell_ending(plan: Plan, result: Result) -> None:
    """Name the apps that were not asked about because the two ends imitate them in different ways, and say why the
    check ended early."""
    if names := ", ".join(
        f"{arm.app} {arm.variant} {arm.medium}" for arm in plan.arms if arm not in result.facts.plan.arms
    ):
        click.echo(
            f"talkpath: not asked about, since the test server's talkpath imitates them otherwise: {names}.", err=True
        )
    if result.ended:
        click.echo(f"talkpath: {result.ended}", err=True)
