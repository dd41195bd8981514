"""What `check --own` adds, and what the guided check on a terminal asks about: a call of the person's own, the app's
own servers, and one answer from all means."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from talkpath.cli._own_call import OwnCall, call_record, call_verdicts_of, show_call
from talkpath.errors import UsageError
from talkpath.wire.ip.system import IS_LINUX

if TYPE_CHECKING:
    from talkpath.api.check_result import Result
    from talkpath.api.recording import Recording
    from talkpath.measure.endpoint_facts import EndpointFacts
    from talkpath.probe.endpoint_catalogue import ChosenEndpoints
    from talkpath.verdict.model import Verdict

MOST_TIER = 3 if IS_LINUX else 2  # packets that expire on the way need Linux


def own_options(command: Callable[..., int]) -> Callable[..., int]:
    """The options about the app's own servers and the person's own call; they become one argument `own`."""
    import functools

    @click.option(
        "--own", "wanted", is_flag=True, help="Then a call of yours, and the app's servers; you are asked first."
    )
    @click.option("--call", "interface", metavar="IFACE", default="", help="With --own: watch this for your own call.")
    @click.option("--yes", "agreed", is_flag=True, help="You have read the plan of --own: send without asking.")
    @click.option("--catalogue", type=click.Path(path_type=Path), hidden=True, help="Another list of servers.")
    @click.option("--gap", default=10.0, hidden=True, help="As of `endpoints`.")
    @click.option("--every", default=1.0, hidden=True, help="As of `endpoints`.")
    @functools.wraps(command)
    def with_own(
        *,
        wanted: bool,
        interface: str,
        agreed: bool,
        catalogue: Path | None,
        gap: float,
        every: float,
        **others: Any,
    ) -> int:
        if interface and not wanted:
            raise UsageError("--call goes with --own, and with the app that you will call in: --app.")
        call = OwnCall(interface, agreed)
        return command(own=OwnMeans(wanted, agreed, catalogue, (gap, every), call), **others)

    return with_own


class OwnAnswers(NamedTuple):
    """What the app's own servers answered, and the person's own call; None each where it was not agreed to."""

    servers: EndpointFacts | None = None
    call: Recording | None = None


@dataclass(frozen=True, slots=True)
class OwnMeans:
    """What the person wants to know of the app's own servers and of a call of their own. `agreed`: the plan was read
    before."""

    wanted: bool = False
    agreed: bool = False
    catalogue: Path | None = None
    waits_s: tuple[float, float] = (10.0, 1.0)
    call: OwnCall = field(default_factory=OwnCall)

    def choose(self, names: Sequence[str], *, dry_run: bool) -> ChosenEndpoints | None:
        """The servers of the apps that were named, None where nobody wants that; `UsageError` before anything is sent,
        where no app was named, or one of which no server is known, or where nobody could agree to the plan."""
        from talkpath.probe.endpoint_catalogue import choose_endpoints, read_catalogue

        if not self.wanted:
            return None
        if not names:
            raise UsageError("With --own name the app whose servers are asked: --app. Nothing was measured.")
        if not (dry_run or self.agreed or sys.stdin.isatty()):
            raise UsageError("Nobody is here to agree to the plan of --own; read it with --dry-run, then add --yes.")
        return choose_endpoints(read_catalogue(self.catalogue), _checked_apps(names), MOST_TIER)

    def is_guided(self, names: Sequence[str], as_json: bool) -> bool:
        """Whether somebody sits here who may be asked what else they want to know of the apps that were named."""
        return bool(names) and not (self.wanted or as_json) and sys.stdin.isatty() and sys.stdout.isatty()

    def rehearse(self, chosen: ChosenEndpoints | None, as_json: bool) -> None:
        """Shows the plan alone, where there is one."""
        if chosen is not None and not as_json:
            self.call.show_plan()
            self.show_plan(chosen, to_stderr=False)

    def answers(self, chosen: ChosenEndpoints | None, names: Sequence[str], link: str, family: int) -> OwnAnswers:
        """Watches a call of the person's own and asks the app's own servers, each where that is agreed to."""
        apps = _checked_apps(names)
        call = self.call.watch(apps, link) if self.call.wanted(apps) else None
        chosen = chosen if self.wanted else self._guided(apps)
        return OwnAnswers(self._ask(chosen, family) if chosen is not None else None, call)

    def _guided(self, apps: Sequence[str]) -> ChosenEndpoints | None:
        """Does whoever sits here want the servers of these apps asked as well?"""
        from talkpath.probe.endpoint_catalogue import choose_endpoints, read_catalogue
        from talkpath.report.words.joined_sentences import own_servers_question

        try:
            chosen = choose_endpoints(read_catalogue(self.catalogue), apps, MOST_TIER)
        except UsageError:  # no server of that app is known
            return None
        click.echo(err=True)
        return chosen if click.confirm(own_servers_question(apps), default=False, err=True) else None

    def _ask(self, chosen: ChosenEndpoints, family: int) -> EndpointFacts | None:
        """Shows the plan and asks, unless that was agreed to before; None where it was not agreed to."""
        from talkpath.cli import endpoints

        if not self.agreed:
            self.show_plan(chosen, to_stderr=True)
            if not endpoints.ask_for_consent():
                click.echo("talkpath: nothing was sent to the app's own servers.", err=True)
                return None
        return endpoints.ask_endpoints(chosen, MOST_TIER, family, self.waits_s)

    def show_plan(self, chosen: ChosenEndpoints, *, to_stderr: bool) -> None:
        """Who is asked what."""
        from talkpath.cli import endpoints

        endpoints.show_plan(chosen, MOST_TIER, False, to_stderr=to_stderr)


def _checked_apps(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(name.partition("/")[0] for name in names))


def tell_own(answers: OwnAnswers, result: Result, names: Sequence[str], output: Path | None, *, as_json: bool) -> None:
    """Write the evidence of what was agreed to beside the check, then print what it found."""
    save_own(answers, output)
    if as_json or answers != (None, None):
        show_joined(result.verdicts, answers, names, result.record, as_json=as_json)


def save_own(answers: OwnAnswers, output: Path | None) -> None:
    """Write the evidence of what the app's own servers answered, and of the person's call, beside that of the check."""
    from talkpath.cli import endpoints
    from talkpath.cli._run import tell_written
    from talkpath.evidence.file import write_file
    from talkpath.report import endpoint_report
    from talkpath.verdict.bases.own_addresses.judge import judge_own_addresses

    if output is None:
        return
    if answers.servers is not None:
        told = endpoint_report.endpoints_json(answers.servers, judge_own_addresses(answers.servers))
        endpoints.write_evidence(output.with_stem(f"{output.stem}-servers"), answers.servers, told)
    if answers.call is not None:
        path = output.with_stem(f"{output.stem}-call")
        write_file(path, answers.call.bundle())
        tell_written(path, as_json=False)


def show_joined(
    verdicts: Sequence[Verdict], answers: OwnAnswers, names: Sequence[str], record: dict[str, Any], *, as_json: bool
) -> None:
    """Print what the person's call and the app's own servers add to the check's verdicts, and what all of it says
    together. As JSON it is one object with the check's `record`."""
    from talkpath.report import endpoint_report, joined_report
    from talkpath.verdict.bases.joined_means import join_means
    from talkpath.verdict.bases.own_addresses.judge import judge_own_addresses

    servers, call = answers
    apps = _checked_apps(names)
    own = judge_own_addresses(servers) if servers is not None else []
    called = call_verdicts_of(call, apps) if call is not None else []
    asked = {verdict.app for verdict in (*own, *called)}
    joined = join_means([*(verdict for verdict in verdicts if verdict.app in asked), *own, *called])
    if as_json:
        if servers is not None:
            record = record | {"own_servers": endpoint_report.endpoints_json(servers, own)}
        if call is not None:
            record = record | {"own_call": call_record(call, apps)}
        click.echo(json.dumps(record | {"joined": joined_report.joined_entries(joined)}))
        return
    _print_own(answers, own, apps)
    if joined:
        joined_report.show_joined(_spaced_screen(), joined)


def _print_own(answers: OwnAnswers, own: Sequence[Verdict], apps: Sequence[str]) -> None:
    from talkpath.report import endpoint_report

    if answers.call is not None:
        _spaced_screen()
        show_call(answers.call, apps)
    if answers.servers is not None:
        endpoint_report.show_endpoints(_spaced_screen(), own)


def _spaced_screen() -> Any:
    """The screen, after an empty line."""
    from talkpath.cli._screen import screen

    console = screen()
    console.print()
    return console
