"""What `check --own` adds, and what the guided check on a terminal asks about: a call of the person's own, the app's
own servers, and one answer from all means.

The person's own call in `check --own`: watched on this device while they make it, beside control traffic.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from talkpath.errors import TalkpathError, UsageError
from talkpath.probe.local_network import ANY_INTERFACE
from talkpath.report.words.language import say
from talkpath.wire.ip.error_queue import IS_LINUX

if TYPE_CHECKING:
    from talkpath.api.asked_endpoints import EndpointResult
    from talkpath.api.check_result import Result
    from talkpath.api.recording import Recording
    from talkpath.probe.endpoint_catalogue import ChosenEndpoints
    from talkpath.probe.invite_link import InviteLink
    from talkpath.verdict.bases.joined_means import JoinedMedium
    from talkpath.verdict.model import Verdict

OWN_CALL_NAME, ANY_WEBRTC = "call", "webrtc"
LIKE_ANY_WEBRTC = ("webrtc", "signal")  # classes of shapes that no packet tells from other WebRTC calls


@dataclass(frozen=True, slots=True)
class OwnCall:
    """Where to watch for a call of the person's own. `interface` is "" where none was named: then whoever sits at a
    terminal is asked, and all interfaces are watched. `agreed`: nothing is asked."""

    interface: str = ""
    agreed: bool = False

    def show_plan(self) -> None:
        """What is watched and sent, before any of it."""
        from talkpath.cli.listen import plan_of
        from talkpath.report.recordings.control_sentences import plan_words
        from talkpath.report.words.joined_sentences import own_call_plan

        click.echo(f"{own_call_plan()} {plan_words(plan_of(light=False))}")

    def wanted(self, apps: Sequence[str]) -> bool:
        """Whether a call is to be watched: it was named before, or whoever sits here says so. Where the device does not
        let this process watch, that is said. Who agreed to everything before is asked nothing."""
        from talkpath.cli._terminal.question import is_agreed
        from talkpath.cli.listen import plan_of
        from talkpath.report.recordings.control_sentences import plan_words
        from talkpath.report.words.joined_sentences import own_call_question

        if not (self.interface or (not self.agreed and sys.stdin.isatty() and sys.stderr.isatty())) or not _can_watch(
            self.interface or ANY_INTERFACE
        ):
            return False
        if self.interface and self.agreed:
            return True
        click.echo(f"\ntalkpath: {plan_words(plan_of(light=False))}", err=True)
        return is_agreed(own_call_question(apps))

    def watch(self, apps: Sequence[str], link: InviteLink | None) -> Recording | None:
        """Watch until one call is over, beside control traffic to the server of the link; None where nothing could be
        watched."""
        from talkpath.api import live_recording
        from talkpath.cli.listen import is_ready, shown_recordings

        try:
            stream = live_recording.open_stream(self.interface or ANY_INTERFACE, True, sys.stdin.fileno)
            with closing(stream), live_recording.open_control(link, False) if link else nullcontext() as control:
                ready = control if control is not None and is_ready(control, stream, light=False) else None
                with closing(shown_recordings(stream, OWN_CALL_NAME, ready, apps=apps, one_call=True)) as recordings:
                    return next(recordings, None)
        except TalkpathError as error:
            click.echo(f"talkpath: {error}", err=True)
            return None


def _can_watch(interface: str) -> bool:
    from talkpath.api.live_recording import open_stream
    from talkpath.report.words.joined_sentences import without_own_call

    try:
        open_stream(interface, True, sys.stdin.fileno).close()
    except UsageError as error:
        click.echo(f"talkpath: {without_own_call()} {error}", err=True)
        return False
    return True


def call_verdicts_of(recording: Recording, apps: Sequence[str]) -> list[Verdict]:
    """What the person's calls of these apps say, each and together."""
    from msgspec.structs import replace

    every = [*recording.judged.verdicts, *recording.judged.together]
    said = app_as_said(recording, apps)
    counted = (replace(verdict, app=said) if said and verdict.app == ANY_WEBRTC else verdict for verdict in every)
    return [verdict for verdict in counted if verdict.app in apps]


def app_as_said(recording: Recording, apps: Sequence[str]) -> str:
    """The app whose call a recorded one counts as because the person was asked to call in it: it looks like any WebRTC
    call, as that app's do, and neither its shape nor an address tells the app. "" where there is no such call."""
    from talkpath.apps import shapes

    findings = recording.findings
    seen = {one.app for one in findings.calls} or {one.app for one in findings.attempts}
    looks_so = {arm.app for arm, shape in shapes().items() if shape.shape_class in LIKE_ANY_WEBRTC} - {ANY_WEBRTC}
    is_sure = len(apps) == 1 and apps[0] in looks_so and apps[0] not in seen
    return apps[0] if is_sure and ANY_WEBRTC in seen else ""


def show_call(recording: Recording, apps: Sequence[str]) -> None:
    """Print what was seen, and that it does not count where it was no call of these apps."""
    from talkpath.cli.capture import print_report, recording_report
    from talkpath.report.words.joined_sentences import call_as_said, no_own_call

    print_report(recording_report(recording, as_json=False))
    if said := app_as_said(recording, apps):
        click.echo(call_as_said(said))
    if not call_verdicts_of(recording, apps):
        click.echo(no_own_call(apps))


def call_record(recording: Recording, apps: Sequence[str]) -> dict[str, Any]:
    """The object `own_call` of tp-004."""
    said = app_as_said(recording, apps)
    return recording.record | ({"counted_as": said} if said else {})


MOST_TIER = 3 if IS_LINUX else 2  # packets that expire on the way need Linux


def own_options(command: Callable[..., int]) -> Callable[..., int]:
    """The options about the app's own servers and the person's own call; they become one argument `own`."""
    import functools

    @click.option(
        "--own", "wanted", is_flag=True, help="Then a call of yours, and the app's servers; you are asked first."
    )
    @click.option("--call", "interface", metavar="IFACE", default="", help="With --own: watch this for your own call.")
    @click.option(
        "--yes", "agreed", is_flag=True, help="You have read the plan of --own or --messages: send without asking."
    )
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
        return command(own=OwnMeans(wanted, agreed, catalogue, (gap, every), OwnCall(interface, agreed)), **others)

    return with_own


class OwnAnswers(NamedTuple):
    """What the app's own servers answered, and the person's own call; None each where it was not agreed to."""

    servers: EndpointResult | None = None
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
        from talkpath.cli import endpoints

        if chosen is not None and not as_json:
            self.call.show_plan()
            endpoints.show_plan(chosen, MOST_TIER, False, to_stderr=False)

    def answers(
        self, chosen: ChosenEndpoints | None, names: Sequence[str], link: InviteLink | None, family: int
    ) -> OwnAnswers:
        """Watches a call of the person's own and asks the app's own servers, each where that is agreed to. `link`: the
        test server that control traffic may go to, None for none."""
        apps = _checked_apps(names)
        call = self.call.watch(apps, link) if self.call.wanted(apps) else None
        chosen = chosen if self.wanted else self._guided(apps)
        return OwnAnswers(self._ask(chosen, family) if chosen is not None else None, call)

    def _guided(self, apps: Sequence[str]) -> ChosenEndpoints | None:
        """Does whoever sits here want the servers of these apps asked as well?"""
        from talkpath.cli._terminal.question import is_agreed
        from talkpath.probe.endpoint_catalogue import choose_endpoints, read_catalogue
        from talkpath.report.words.joined_sentences import own_servers_question

        try:
            chosen = choose_endpoints(read_catalogue(self.catalogue), apps, MOST_TIER)
        except UsageError:  # no server of that app is known
            return None
        click.echo(err=True)
        return chosen if is_agreed(own_servers_question(apps)) else None

    def _ask(self, chosen: ChosenEndpoints, family: int) -> EndpointResult | None:
        """Shows the plan and asks, unless that was agreed to before; None where it was not agreed to."""
        from talkpath.api.asked_endpoints import EndpointResult
        from talkpath.cli import endpoints

        refused = say("endpoints", "Nothing was sent to the app's own servers.")
        if not self.agreed and not endpoints.agrees_to(chosen, MOST_TIER, refused):
            return None
        return EndpointResult.of(endpoints.ask_endpoints(chosen, MOST_TIER, family, self.waits_s))


def _checked_apps(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(name.partition("/")[0] for name in names))


def tell_own(answers: OwnAnswers, result: Result, names: Sequence[str], output: Path | None, *, as_json: bool) -> None:
    """Write the evidence of what was agreed to beside the check, then print what it found."""
    save_own(answers, output)
    if as_json or answers != (None, None):
        show_joined(result.verdicts, answers, names, result.record, as_json=as_json)


def save_own(answers: OwnAnswers, output: Path | None) -> None:
    """Write the evidence of what the app's own servers answered, and of the person's call, beside that of the check."""
    from talkpath.cli._terminal.output_file import free_place, tell_written
    from talkpath.evidence.file import write_file

    if output is None:
        return
    for name, evidence in (("servers", answers.servers), ("call", answers.call)):
        if evidence is not None:
            path = free_place(output.with_stem(f"{output.stem}-{name}"))
            write_file(path, evidence.bundle())
            tell_written(path, as_json=False)


def show_joined(
    verdicts: Sequence[Verdict], answers: OwnAnswers, names: Sequence[str], record: dict[str, Any], *, as_json: bool
) -> None:
    """Print what the person's call and the app's own servers add to the check's verdicts, and what all of it says
    together. As JSON it is one object with the check's `record`."""
    from talkpath.report import joined_report
    from talkpath.verdict.bases.joined_means import join_means

    servers, call = answers
    apps = _checked_apps(names)
    own = servers.verdicts if servers is not None else ()
    called = call_verdicts_of(call, apps) if call is not None else []
    asked = {verdict.app for verdict in (*own, *called)}
    joined = join_means([*(verdict for verdict in verdicts if verdict.app in asked), *own, *called])
    if as_json:
        if servers is not None:
            record = record | {"own_servers": servers.record}
        if call is not None:
            record = record | {"own_call": call_record(call, apps)}
        click.echo(json.dumps(record | {"joined": joined_report.joined_entries(joined)}))
        return
    _print_own(answers, apps)
    if joined:
        joined_report.show_joined(_spaced_screen(), joined)
    for app in apps_with_proxies(joined):
        _tell_of_proxy(app, asked=sys.stdin.isatty() and sys.stderr.isatty())


def apps_with_proxies(joined: Sequence[JoinedMedium]) -> list[str]:
    """The apps in which people set a proxy for messages, and of which something that bypasses it seems held back: then
    messages that work do not speak against that (N07)."""
    from talkpath.report.recordings.capture_sentences import PROXIED_APPS
    from talkpath.verdict.bases.joined_means import HELD_BACK_WORDS

    held = {each.app for each in joined for found in each.findings if found.finding in HELD_BACK_WORDS}
    return [app for app in PROXIED_APPS if app in held]


def _tell_of_proxy(app: str, *, asked: bool) -> None:
    """Ask whoever sits here whether a proxy is set in the app, and say what that means; else say it for both cases."""
    from talkpath.cli._terminal.question import is_agreed
    from talkpath.report.recordings.capture_sentences import proxy_note
    from talkpath.report.words.joined_sentences import proxy_as_said, proxy_question

    click.echo(err=asked)
    if not asked:
        click.echo(proxy_note(app))
    elif is_agreed(proxy_question(app)):
        click.echo(proxy_as_said(app))


def _print_own(answers: OwnAnswers, apps: Sequence[str]) -> None:
    from talkpath.report import endpoint_report

    if answers.call is not None:
        _spaced_screen()
        show_call(answers.call, apps)
    if answers.servers is not None:
        endpoint_report.show_endpoints(_spaced_screen(), answers.servers.verdicts)


def _spaced_screen() -> Any:
    """The screen, after an empty line."""
    from talkpath.cli._terminal.screen import screen

    console = screen()
    console.print()
    return console
