"""`talkpath check`: are calls being restricted on this network?"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from talkpath.cli._terminal.exit_codes import gate_exit_code, result_exit_code
from talkpath.cli._terminal.help import LongCommand
from talkpath.cli._terminal.language import language_option
from talkpath.cli._terminal.output_file import output_option, tell_written
from talkpath.cli.check.beside import beside_option, compared_record, read_other_network
from talkpath.cli.check.listed import country_option, directory_option, find_list, link_argument
from talkpath.cli.check.measuring import (
    ip_version,
    judge_and_save,
    measure_families,
    measure_listed,
    new_signer,
    rehearse_plan,
    tell_ending,
)
from talkpath.cli.check.other_hosts import (
    BROWSER_TIER,
    OtherHostsOptions,
    ask_messages,
    choose_messages,
    messages_option,
    other_hosts_options,
)
from talkpath.cli.check.own_means import OwnMeans, own_options, tell_own
from talkpath.cli.check.shape import like_option
from talkpath.cli.check.turn import TurnOptions, turn_options
from talkpath.errors import FileError, in_place_of

if TYPE_CHECKING:
    from talkpath.api.check_result import Result
    from talkpath.conduct.request import CheckRequest
    from talkpath.measure.facts import Plan
    from talkpath.probe.invite_link import InviteLink

NO_RECEIPT = "talkpath: the test server signed no receipt; the evidence is this device's word alone."


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """What the command was given: a field for each of its options, by the option's name."""

    link: str | None
    directory: str
    country: str
    names: tuple[str, ...]
    like: tuple[str, ...]
    video: bool
    light: bool
    deep: bool
    transports: bool
    turn: TurnOptions
    own: OwnMeans
    other_hosts: OtherHostsOptions
    messages: bool
    beside: Path | None
    v4: bool
    v6: bool
    dry_run: bool
    output: Path | None
    gate: bool
    plan_file: Path | None
    in_lab: bool
    as_json: bool

    def request(self) -> CheckRequest:
        """What the check is asked to do, without the credentials of TURN servers: nothing is asked for them yet."""
        from talkpath.api.live_check import make_check_plan
        from talkpath.conduct.request import CheckRequest

        made = make_check_plan(
            (*self.names, *self.like), video=self.video, light=self.light, deep=self.deep, transports=self.transports
        )
        plan = self.turn.added_to(made if self.plan_file is None else read_plan(self.plan_file))
        return CheckRequest(plan=plan, family=ip_version(self.v4, self.v6), country=self.country.upper())


@click.command(
    cls=LongCommand, common=("app", "like", "video", "transports", "own", "dry-run", "output", "json", "language")
)
@link_argument
@directory_option
@country_option
@click.option("--app", "names", multiple=True, help="Only this app; may be given several times. Default: all.")
@click.option("--video", is_flag=True, help="Video calls too: at most 45 MB, with --light 20 MB.")
@click.option("--light", is_flag=True, help="At most 4 MB: no call is watched for long, so no app can be ✓.")
@click.option(
    "--deep", is_flag=True, help="Watch calls for 60 s each: about 200 s and 36 MB more for each way to call."
)
@click.option("--transports", is_flag=True, help="Test for every app which transports carry a call.")
@like_option
@turn_options
@own_options
@other_hosts_options
@messages_option
@beside_option
@click.option("-4", "v4", is_flag=True, help="Over IPv4 only.")
@click.option("-6", "v6", is_flag=True, help="Over IPv6 only.")
@click.option("--dry-run", is_flag=True, help="Print what would be sent, and send nothing.")
@output_option
@click.option("--gate", is_flag=True, help="Exit 10 restricted, 11 closed, 12 impaired or unreachable, 13 unknown.")
@click.option("--plan", "plan_file", type=click.Path(path_type=Path), hidden=True, help="A plan as JSON (the lab's).")
@click.option("--lab", "in_lab", is_flag=True, hidden=True, help="Sign the evidence with the lab's key.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON (spec tp-004).")
@language_option
def command(**given: Any) -> int:
    """Test whether calls are restricted on this network.

    It places calls shaped like each messenger's, or with --like as one that was recorded, beside control traffic of the
    same sizes and times, to a test server that agreed to answer. LINK is an invite link, a file that holds one, or -
    (standard input); also in TALKPATH_LINK. Without one a test server is taken from a directory's list (--directory):
    several are tried until one answers.

    With --own a call that you make in the app of --app is watched on this device (`talkpath listen`), and its servers
    are asked (`talkpath endpoints`), each if you agree; one table joins what was found. On a terminal it offers this.

    Ctrl-C ends the check in order: what was measured until then is judged and written. Exit code 0 measured, whatever
    the result; 2 usage; 3 could not measure; 130 stopped before anything was measured.
    """
    return _run_command(CheckOptions(**given))


def _run_command(options: CheckOptions) -> int:
    from talkpath.cli.endpoints import show_plan

    own, names, as_json = options.own, options.names, options.as_json
    request, servers = options.request(), own.choose(names, dry_run=options.dry_run)
    chosen = choose_messages(request.plan, own, dry_run=options.dry_run) if options.messages else None
    if options.dry_run:
        rehearse_plan(request.plan, as_json)
        own.rehearse(servers, as_json)
        if chosen is not None and not as_json:
            show_plan(chosen, BROWSER_TIER, False, to_stderr=False)
        options.other_hosts.rehearse(request.country, as_json)
        return 0
    other = None if options.beside is None else read_other_network(options.beside)
    if chosen is not None:
        request = replace(request, exchanges=ask_messages(chosen, own, request.family))
    if (checked := _place_check(options, replace(request, relays=options.turn.servers()))) is None:
        return 3
    result, used_link = checked
    if other is not None:
        result = replace(result, record=compared_record(result.record, result.facts, other))
    _show_result(request.plan, result, as_json, with_record=servers is None)
    tell_written(options.output, as_json)
    if options.output is not None and not result.ended and not result.has_receipt:
        click.echo(NO_RECEIPT, err=True)
    if result.facts.health.ended != "interrupted" and (servers is not None or own.is_guided(names, as_json)):
        tell_own(own.answers(servers, names, used_link, request.family), result, names, options.output, as_json=as_json)
    return gate_exit_code(result) if options.gate else result_exit_code(result)


def _place_check(options: CheckOptions, request: CheckRequest) -> tuple[Result, InviteLink | None] | None:
    """Check with the server of the link, or with one of the directory's list; return the link to which control traffic
    may go, too: to a listed server only once it showed its key. None, after what to do was said, where there is
    neither."""
    from talkpath.probe.invite_link import parse_invite_link

    signer = new_signer(options.in_lab)
    if options.link:
        other, invitation = new_signer(options.in_lab), parse_invite_link(options.link)
        facts, over_other = measure_families(request, options.link, (signer, other))
        facts = options.other_hosts.ask(facts, invitation, request.family, request.country)
        return judge_and_save(
            facts, signer, options.output, None if over_other is None else (over_other, other)
        ), invitation
    found = find_list(options.directory, options.country)
    if found is None:
        return None
    measured = measure_listed(request, found, (signer, new_signer(options.in_lab)))
    facts = options.other_hosts.ask(measured.facts, measured.link, request.family, request.country or found.country)
    return (
        judge_and_save(facts, signer, options.output, measured.second),
        measured.link if facts.reach.control == "connected" else None,
    )


def read_plan(file: Path) -> Plan:
    """A plan as JSON; `FileError` for a file that holds none."""
    import msgspec

    from talkpath.measure.facts import Plan

    with in_place_of((OSError, msgspec.MsgspecError), FileError("The file of --plan cannot be read or holds no plan.")):
        return msgspec.json.decode(file.read_bytes(), type=Plan)


def _show_result(plan: Plan, result: Result, as_json: bool, *, with_record: bool = True) -> None:
    from talkpath.cli._terminal.screen import screen
    from talkpath.report import check_text
    from talkpath.report.words.amounts import measured_when

    tell_ending(plan, result)
    if as_json and with_record:
        click.echo(json.dumps(result.record))
    elif not as_json and {one.reason.code if one.reason else "" for one in result.verdicts} != {"handshake"}:
        # where no handshake was completed, the sentence on why it ended has said all
        check_text.show_check(
            screen(),
            result.verdicts,
            result.record,
            known_server=result.has_known_server,
        )
        if result.measured:
            click.echo(f"\n{measured_when(datetime.now().astimezone(), result.facts.duration_s)}")
