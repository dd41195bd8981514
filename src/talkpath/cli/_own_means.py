"""What `check --own` adds, and what the guided check on a terminal asks about: the app's own servers, after the check,
and one answer from all means."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from talkpath.errors import UsageError

if TYPE_CHECKING:
    from talkpath.measure.endpoint_facts import EndpointFacts
    from talkpath.probe.endpoint_catalogue import ChosenEndpoints
    from talkpath.verdict.model import Verdict

MOST_TIER = 3 if sys.platform == "linux" else 2  # packets that expire on the way need Linux


def own_options(command: Callable[..., int]) -> Callable[..., int]:
    """The options about the app's own servers; they become one argument `own`."""
    import functools

    @click.option("--own", "wanted", is_flag=True, help="Then ask the app's own servers too; the plan is shown first.")
    @click.option("--yes", "agreed", is_flag=True, help="You have read the plan of --own: send without asking.")
    @click.option("--catalogue", type=click.Path(path_type=Path), hidden=True, help="Another list of servers.")
    @click.option("--gap", default=10.0, hidden=True, help="As of `endpoints`.")
    @click.option("--every", default=1.0, hidden=True, help="As of `endpoints`.")
    @functools.wraps(command)
    def with_own(*, wanted: bool, agreed: bool, catalogue: Path | None, gap: float, every: float, **others: Any) -> int:
        return command(own=OwnMeans(wanted, agreed, catalogue, (gap, every)), **others)

    return with_own


@dataclass(frozen=True, slots=True)
class OwnMeans:
    """What the person wants to know of the app's own servers. `agreed`: the plan was read before."""

    wanted: bool = False
    agreed: bool = False
    catalogue: Path | None = None
    waits_s: tuple[float, float] = (10.0, 1.0)

    def choose(self, names: Sequence[str], *, dry_run: bool) -> ChosenEndpoints | None:
        """The servers of the apps that were named, None where nobody wants that; `UsageError` before anything is sent,
        where no app was named, or one of which no server is known, or where nobody could agree to the plan."""
        from talkpath.probe.endpoint_catalogue import choose, read_catalogue

        if not self.wanted:
            return None
        if not names:
            raise UsageError("With --own name the app whose servers are asked: --app. Nothing was measured.")
        if not (dry_run or self.agreed or sys.stdin.isatty()):
            raise UsageError("Nobody is here to agree to the plan of --own; read it with --dry-run, then add --yes.")
        return choose(read_catalogue(self.catalogue), _apps(names), MOST_TIER)

    def guided(self, names: Sequence[str], as_json: bool) -> ChosenEndpoints | None:
        """On a terminal: does whoever sits here want the servers of the apps that were named asked as well?"""
        from talkpath.probe.endpoint_catalogue import choose, read_catalogue
        from talkpath.report.words.joined_sentences import own_servers_question

        if self.wanted or as_json or not names or not (sys.stdin.isatty() and sys.stdout.isatty()):
            return None
        try:
            chosen = choose(read_catalogue(self.catalogue), _apps(names), MOST_TIER)
        except UsageError:  # no server of that app is known
            return None
        click.echo(err=True)
        return chosen if click.confirm(own_servers_question(_apps(names)), default=False, err=True) else None

    def rehearse(self, chosen: ChosenEndpoints | None, as_json: bool) -> None:
        """Shows the plan alone, where there is one."""
        if chosen is not None and not as_json:
            self.show_plan(chosen, to_stderr=False)

    def ask(self, chosen: ChosenEndpoints, family: int) -> EndpointFacts | None:
        """Shows the plan and asks, unless that was agreed to before; None where it was not agreed to."""
        from talkpath.cli import endpoints

        if not self.agreed:
            self.show_plan(chosen, to_stderr=True)
            if not endpoints.agreed():
                click.echo("talkpath: nothing was sent to the app's own servers.", err=True)
                return None
        return endpoints.ask(chosen, MOST_TIER, family, self.waits_s)

    def show_plan(self, chosen: ChosenEndpoints, *, to_stderr: bool) -> None:
        """Who is asked what."""
        from talkpath.cli import endpoints
        from talkpath.probe.own_addresses.plan import make_plan

        endpoints.show_plan(endpoints.steps_of(chosen), make_plan(chosen, MOST_TIER), False, to_stderr=to_stderr)


def _apps(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(name.partition("/")[0] for name in names))


def save_servers(facts: EndpointFacts | None, output: Path | None) -> None:
    """Write the evidence of what the app's own servers answered beside that of the check, where there are both."""
    from talkpath.cli import endpoints
    from talkpath.report import endpoint_report
    from talkpath.verdict.bases.own_addresses.judge import judge_own_addresses

    if facts is None or output is None:
        return
    told = endpoint_report.endpoints_json(facts, judge_own_addresses(facts))
    endpoints.write_evidence(output.with_stem(f"{output.stem}-servers"), facts, told)


def show_joined(verdicts: Sequence[Verdict], facts: EndpointFacts, record: dict[str, Any], *, as_json: bool) -> None:
    """Print what the app's own servers add to the check's verdicts, and what all of it says together. As JSON it is one
    object with the check's `record`."""
    from talkpath.cli._screen import screen
    from talkpath.report import endpoint_report, joined_report
    from talkpath.verdict.bases.joined_means import join
    from talkpath.verdict.bases.own_addresses.judge import judge_own_addresses

    own = judge_own_addresses(facts)
    asked = {verdict.app for verdict in own}
    joined = join([*(verdict for verdict in verdicts if verdict.app in asked), *own])
    if as_json:
        servers = endpoint_report.endpoints_json(facts, own)
        click.echo(json.dumps(record | {"own_servers": servers, "joined": joined_report.record(joined)}))
        return
    console = screen()
    console.print()
    endpoint_report.show(console, own)
    console.print()
    joined_report.show(console, joined)
