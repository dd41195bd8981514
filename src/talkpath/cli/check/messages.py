"""`--messages`: before the check, the apps' servers for messages are asked what any browser may ask, with consent."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from talkpath.errors import UsageError

if TYPE_CHECKING:
    from talkpath.cli.check.own_means import OwnMeans
    from talkpath.measure.facts import Exchange, Plan
    from talkpath.probe.endpoint_catalogue import ChosenEndpoints

BROWSER_TIER = 1  # names, and one handshake each, as any browser makes


def messages_option(command: Callable[..., int]) -> Callable[..., int]:
    """The option about messages; it becomes the argument `messages`."""

    @click.option(
        "--messages",
        is_flag=True,
        help="First ask the apps' servers for messages for a TLS handshake; you are asked before, unless with --yes.",
    )
    @functools.wraps(command)
    def with_messages(*, messages: bool, **others: Any) -> int:
        return command(messages=messages, **others)

    return with_messages


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

    if not own.agreed:
        own.show_plan(chosen, to_stderr=True, tier=BROWSER_TIER)
        if not endpoints.ask_for_consent():
            click.echo("talkpath: nothing was sent to the apps' servers for messages.", err=True)
            return ()
    return endpoints.ask_endpoints(chosen, BROWSER_TIER, family, own.waits_s).exchanges
