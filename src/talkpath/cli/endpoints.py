"""`talkpath endpoints`: do an app's own servers answer from here?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.cli._terminal.language import language_option
from talkpath.cli._terminal.output_file import output_option, tell_written
from talkpath.cli._terminal.question import is_agreed
from talkpath.errors import UsageError
from talkpath.report.words.language import say

if TYPE_CHECKING:
    from talkpath.measure.endpoint_facts import EndpointFacts
    from talkpath.probe.endpoint_catalogue import ChosenEndpoints
    from talkpath.probe.endpoint_engine import Request
    from talkpath.probe.own_addresses.engine import OwnAddressEngine


@click.command()
@click.option("--app", "apps", multiple=True, help="Ask this app's servers; may be given several times.")
@click.option(
    "--tier",
    type=click.Choice(["0", "1", "2", "3"]),
    default="0",
    show_default=True,
    help="0: names only. 1: what any browser does too. 2: what the app itself does too, and greetings in series. "
    "3: packets that expire on the way too.",
)
@click.option("-4", "v4", is_flag=True, help="Series and packets that expire over IPv4 only.")
@click.option("-6", "v6", is_flag=True, help="The same over IPv6 only.")
@click.option("--catalogue", type=click.Path(path_type=Path), help="Another list of servers (TOML).")
@click.option("--dry-run", is_flag=True, help="Print which servers would be asked, and send nothing.")
@click.option("--yes", is_flag=True, help="You have read the plan: send without asking.")
@click.option("--gap", default=10.0, hidden=True, help="Seconds before what was silent is asked again (the lab's).")
@output_option
@click.option("--every", default=1.0, hidden=True, help="Seconds between two greetings of a series (the lab's).")
@click.option("--json", "as_json", is_flag=True, help="Print the plan or the result as JSON (spec tp-004).")
@language_option
def command(
    apps: tuple[str, ...],
    tier: str,
    v4: bool,
    v6: bool,
    catalogue: Path | None,
    dry_run: bool,
    yes: bool,
    gap: float,
    every: float,
    output: Path | None,
    as_json: bool,
) -> int:
    """Test whether an app's own servers answer from here.

    It asks only what anyone may ask without an account: a name query (to this network's name server and to one other),
    one TCP or TLS handshake, one STUN request, each at most three times and beside a neutral server. Where a server
    completes no TLS handshake, two neutral ones are asked for its name, and it for theirs. Tier 2 adds STUN
    requests in series, at most 30 to a server, and the first TLS messages of two clients, at most six times. Tier 3
    (Linux, no root) adds packets like a call's that are dropped by a router on the way and never reach a server. It
    prints the servers and the amounts first and sends nothing before you agree. No address in an answer is kept.

    Exit code 0 asked, whatever the answers; 2 usage; 3 not agreed to, or no server answered.
    """
    from talkpath.cli.check.measuring import ip_version
    from talkpath.probe.endpoint_catalogue import choose_endpoints, read_catalogue

    family = ip_version(v4, v6)
    chosen = choose_endpoints(read_catalogue(catalogue), apps, int(tier))
    if dry_run:
        show_plan(chosen, int(tier), as_json, to_stderr=False)
        return 0
    if not yes and not agrees_to(chosen, int(tier), say("share", "Nothing was sent.")):
        return 3
    return _ask_and_report(chosen, int(tier), family, (gap, every), output, as_json)


def show_plan(chosen: ChosenEndpoints, tier: int, as_json: bool, *, to_stderr: bool) -> None:
    """Print who is asked what, and how much that is at most."""
    from talkpath.api.asked_endpoints import plan_record, plan_steps
    from talkpath.cli._terminal.screen import screen
    from talkpath.probe.endpoint_engine import HELLO_ROUNDS, ROUNDS
    from talkpath.probe.name_contrast import plan_names
    from talkpath.probe.own_addresses.plan import make_plan
    from talkpath.report import endpoint_report

    own = make_plan(chosen, tier)
    if as_json:
        click.echo(json.dumps(plan_record(chosen, own)))
        return
    steps, names = plan_steps(chosen), plan_names(chosen)
    screen(stderr=to_stderr).print(
        endpoint_report.endpoint_plan_text(steps, ROUNDS, own, most_hellos=HELLO_ROUNDS, names=names)
    )


def agrees_to(chosen: ChosenEndpoints, tier: int, otherwise: str) -> bool:
    """Show the plan. Does whoever sits here agree? Nobody can where nobody sits. `otherwise` is said after a no."""
    show_plan(chosen, tier, False, to_stderr=True)
    if not sys.stdin.isatty():
        raise UsageError("Nobody is here to agree to this plan; read it, then add --yes. Nothing was sent.")
    agreed = is_agreed(say("endpoints", "Send this?"))
    if not agreed:
        click.echo(f"talkpath: {otherwise}", err=True)
    return agreed


def _ask_and_report(
    chosen: ChosenEndpoints,
    tier: int,
    family: int,
    waits_s: tuple[float, float],
    output: Path | None,
    as_json: bool,
) -> int:
    from talkpath.api.asked_endpoints import EndpointResult
    from talkpath.cli._terminal.screen import screen
    from talkpath.report import endpoint_report

    result = EndpointResult.of(ask_endpoints(chosen, tier, family, waits_s))
    if output is not None:
        result.save(output)
        tell_written(output, as_json=False)
    if as_json:
        click.echo(json.dumps(result.record))
    else:
        endpoint_report.show_endpoints(screen(), result.verdicts)
    if result.measured:
        return 0
    click.echo(
        "talkpath: " + say("endpoints", "Nobody answered, not even a neutral server. Is this device online?"), err=True
    )
    return 3


def ask_endpoints(chosen: ChosenEndpoints, tier: int, family: int, waits_s: tuple[float, float]) -> EndpointFacts:
    """Ask everything of that tier, with progress on stderr. `waits_s`: before what was silent is asked again, and
    between two greetings of a series."""
    from talkpath.conduct.endpoint_questions import ask_endpoints
    from talkpath.report.words.endings import without_expiring

    facts = ask_endpoints(
        chosen,
        tier,
        family=family,
        gap_s=waits_s[0],
        every_s=waits_s[1],
        on_request=_print_request,
        on_stage=_print_stage,
    )
    if facts.limited:
        click.echo(f"talkpath: {without_expiring(facts.limited)}", err=True)
    return facts


def _print_request(request: Request) -> None:
    """Progress: who is being asked."""
    click.echo(f"{request.row.app or say('endpoints', 'neutral')}: {request.kind}", err=True)


def _print_stage(engine: OwnAddressEngine) -> None:
    """Progress: how many ways and epochs are done."""
    paths, epochs = len(engine.facts.paths), len(engine.facts.epochs)
    click.echo(f"own addresses: part {engine.stage_number}, {paths} ways and {epochs} rounds measured", err=True)
