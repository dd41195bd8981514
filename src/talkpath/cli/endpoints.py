"""`talkpath endpoints`: do an app's own servers answer from here?"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from talkpath.cli._language import language_option
from talkpath.errors import UsageError

if TYPE_CHECKING:
    from talkpath.measure.facts import Exchange
    from talkpath.probe.endpoint_catalogue import ChosenEndpoints
    from talkpath.probe.endpoint_engine import Request


@click.command()
@click.option("--app", "apps", multiple=True, help="Ask this app's servers; may be given several times.")
@click.option(
    "--tier",
    type=click.Choice(["0", "1", "2"]),
    default="0",
    show_default=True,
    help="0: names only. 1: what any browser does too. 2: what the app itself does too.",
)
@click.option("--catalogue", type=click.Path(path_type=Path), help="Another list of servers (TOML).")
@click.option("--dry-run", is_flag=True, help="Print which servers would be asked, and send nothing.")
@click.option("--yes", is_flag=True, help="You have read the plan: send without asking.")
@click.option("--gap", default=10.0, hidden=True, help="Seconds before what was silent is asked again (the lab's).")
@click.option("--json", "as_json", is_flag=True, help="Print the plan or the result as JSON (spec tp-004).")
@language_option
def command(
    apps: tuple[str, ...], tier: str, catalogue: Path | None, dry_run: bool, yes: bool, gap: float, as_json: bool
) -> int:
    """Test whether an app's own servers answer from here.

    It asks only what anyone may ask without an account: a name query (to this network's name server and to one other),
    one TCP or TLS handshake, one STUN request, each at most three times and beside a neutral server. It prints the
    servers first and sends nothing before you agree. No address in an answer is kept.

    Exit code 0 asked, whatever the answers; 2 usage; 3 not agreed to, or no server answered.
    """
    from talkpath.probe.endpoint_catalogue import choose, read_catalogue

    chosen = choose(read_catalogue(catalogue), apps, int(tier))
    steps = _steps(chosen)
    if dry_run or not yes:
        _show_plan(steps, as_json and dry_run, to_stderr=not dry_run)
    if dry_run:
        return 0
    if not yes and not _agreed():
        click.echo("talkpath: nothing was sent.", err=True)
        return 3
    return _ask(chosen, apps, int(tier), gap, as_json)


def _steps(chosen: ChosenEndpoints) -> list[dict[str, Any]]:
    """The plan: every host, once for each thing that it is asked."""
    rows = (*chosen.rows, *chosen.neutral)
    names = dict.fromkeys((row.app, row.host) for row in rows if row.is_name)
    named = {row.host: row for row in reversed(rows)}
    to_resolve = [named[host] for _, host in names]
    steps = [(row, "dns") for row in to_resolve] + [(row, row.kind) for row in rows if not chosen.names_only]
    steps.append((chosen.resolver, "resolver"))
    return [
        {
            "app": row.app,
            "id": row.id,
            "asks": asks,
            "host": row.host,
            "port": 53 if asks == "dns" else row.port,
            "source": row.source,
            "date": row.date.isoformat(),
            "confidence": row.confidence,
        }
        for row, asks in steps
    ]


def _show_plan(steps: Sequence[dict[str, Any]], as_json: bool, *, to_stderr: bool) -> None:
    from talkpath.cli._screen import screen
    from talkpath.probe.endpoint_engine import ROUNDS
    from talkpath.report import endpoint_report

    if as_json:
        click.echo(json.dumps({"schema": endpoint_report.PLAN_SCHEMA, "most_times": ROUNDS, "steps": steps}))
        return
    screen(stderr=to_stderr).print(endpoint_report.plan(steps, ROUNDS))


def _agreed() -> bool:
    """Does whoever sits here agree? Nobody can where nobody sits."""
    if not sys.stdin.isatty():
        raise UsageError("Nobody is here to agree to this plan; read it, then add --yes. Nothing was sent.")
    return click.confirm("Send this?", default=False, err=True)


def _ask(chosen: ChosenEndpoints, apps: Sequence[str], tier: int, gap_s: float, as_json: bool) -> int:
    from datetime import UTC, datetime
    from random import SystemRandom

    from talkpath.cli._screen import screen
    from talkpath.probe.endpoint_driver import EndpointDriver
    from talkpath.probe.endpoint_engine import EndpointEngine
    from talkpath.probe.local_network import local_address, through_tunnel
    from talkpath.report import endpoint_report
    from talkpath.verdict.bases.endpoints import judge_endpoints
    from talkpath.verdict.model import Reason
    from talkpath.wire.ip.address import Address

    now = datetime.now(UTC)
    inquiry = EndpointEngine(chosen, now.date(), SystemRandom(), gap_s)
    local = local_address(Address.of(chosen.resolver.host))  # sends nothing
    vpn = local is not None and through_tunnel(local)
    EndpointDriver(inquiry, on_request=_print_request).ask()
    verdicts = judge_endpoints(inquiry.exchanges, Reason("vpn") if vpn else None)
    if as_json:
        started_at = f"{now:%Y-%m-%dT%H}:00:00Z"
        click.echo(json.dumps(endpoint_report.endpoints_json(started_at, apps, tier, verdicts, inquiry.exchanges)))
    else:
        endpoint_report.show(screen(), verdicts)
    return 0 if _has_answers(inquiry.exchanges) else 3


def _has_answers(exchanges: Sequence[Exchange]) -> bool:
    """Did any server answer?"""
    if any(each.ok for each in exchanges):
        return True
    click.echo("talkpath: nobody answered, not even a neutral server. Is this device online?", err=True)
    return False


def _print_request(request: Request) -> None:
    """Progress: who is being asked."""
    who = request.row.app or "neutral"
    click.echo(f"{who}: {request.kind}", err=True)
