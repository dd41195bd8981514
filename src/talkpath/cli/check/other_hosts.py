"""The options by which a check asks other hosts, with consent.

`--other-hosts`: where the test server does not answer, others are asked, each once. `--messages`: before the check, the
apps' servers for messages are asked what any browser may ask, with consent.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from talkpath.errors import UsageError
from talkpath.report.words.language import say

if TYPE_CHECKING:
    from talkpath.measure.facts import Facts
    from talkpath.probe.invite_link import InviteLink
    from talkpath.probe.other_hosts import OtherHost


def other_hosts_options(command: Callable[..., int]) -> Callable[..., int]:
    """The options about other hosts; they become one argument `other_hosts`."""

    @click.option(
        "--other-hosts",
        "may_ask",
        is_flag=True,
        help="If the test server is silent, ask hosts that operating systems ask whether they are online, once each.",
    )
    @click.option("--hosts-file", type=click.Path(path_type=Path), hidden=True, help="Another list of such hosts.")
    @functools.wraps(command)
    def with_other_hosts(*, may_ask: bool, hosts_file: Path | None, **others: Any) -> int:
        return command(other_hosts=OtherHostsOptions(may_ask, hosts_file), **others)

    return with_other_hosts


@dataclass(frozen=True, slots=True)
class OtherHostsOptions:
    """What was given. `agreed`: the hosts may be asked; else whoever sits at a terminal is asked first."""

    agreed: bool = False
    file: Path | None = None

    def ask(self, facts: Facts, link: InviteLink, family: int, country: str) -> Facts:
        """The facts, with what the hosts answered where the test server did not, and somebody agrees."""
        from talkpath.probe.other_hosts import ask_beside_silence, needs_other_hosts, read_other_hosts

        if not needs_other_hosts(facts):
            return facts
        hosts = read_other_hosts(country, self.file)
        if not (self.agreed or _may_be_asked(hosts)):
            return facts
        return ask_beside_silence(facts, link, family, hosts)

    def rehearse(self, country: str, as_json: bool) -> None:
        """Print who would be asked, where that was agreed to. `country` is "" where it is not known."""
        from talkpath.probe.other_hosts import read_other_hosts

        if self.agreed and not as_json:
            hosts = _named_hosts(read_other_hosts(country, self.file))
            click.echo(f"If the test server does not answer, one request each to: {hosts}.")


def _named_hosts(hosts: Sequence[OtherHost]) -> str:
    return ", ".join(f"{each.host} ({'HTTP' if each.kind == 'online' else 'TLS'})" for each in hosts)


def _may_be_asked(hosts: Sequence[OtherHost]) -> bool:
    """Does whoever sits here agree? Nobody can where nobody sits."""
    from talkpath.cli._terminal.question import is_agreed
    from talkpath.report.words.endings import other_hosts_question

    return sys.stdin.isatty() and sys.stderr.isatty() and is_agreed(other_hosts_question(_named_hosts(hosts)))


if TYPE_CHECKING:
    from talkpath.cli.check.own_means import OwnMeans
    from talkpath.measure.facts import Exchange, Plan
    from talkpath.probe.endpoint_catalogue import ChosenEndpoints

BROWSER_TIER = 1  # names, and one handshake each, as any browser makes


messages_option = click.option(
    "--messages",
    is_flag=True,
    help="First ask the apps' servers for messages for a TLS handshake; you are asked before, unless with --yes.",
)


def choose_messages(plan: Plan, own: OwnMeans, *, dry_run: bool) -> ChosenEndpoints:
    """The servers of the plan's apps that may be asked; `UsageError` where none is known, or nobody could agree."""
    from talkpath.probe.endpoint_catalogue import choose_endpoints, read_catalogue

    rows = read_catalogue(own.catalogue)
    known = {row.app for row in rows if row.tier <= BROWSER_TIER}
    apps = [app for app in dict.fromkeys(arm.app for arm in plan.arms) if app in known]
    if not apps:
        raise UsageError("No server for messages is known of these apps; leave --messages out. Nothing was measured.")
    if not (dry_run or own.agreed or sys.stdin.isatty()):
        raise UsageError("Nobody is here to agree to the plan of --messages; read it with --dry-run, then add --yes.")
    return choose_endpoints(rows, apps, BROWSER_TIER)


def ask_messages(chosen: ChosenEndpoints, own: OwnMeans, family: int) -> tuple[Exchange, ...]:
    """What the servers answer; nothing where it is not agreed to after the plan was shown."""
    from talkpath.cli import endpoints

    refused = say("endpoints", "Nothing was sent to the apps' servers for messages.")
    if not own.agreed and not endpoints.agrees_to(chosen, BROWSER_TIER, refused):
        return ()
    return endpoints.ask_endpoints(chosen, BROWSER_TIER, family, own.waits_s).exchanges
