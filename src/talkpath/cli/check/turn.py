"""What `check --turn` adds: TURN servers of the user's own, by which calls to the test server are relayed."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from talkpath.errors import FileError, UsageError, in_place_of

if TYPE_CHECKING:
    from talkpath.measure.facts import Plan
    from talkpath.probe.relays.turn_server import TurnCredentials, TurnServers

USER, PASSWORD = "TALKPATH_TURN_USER", "TALKPATH_TURN_PASSWORD"
NO_CREDENTIALS = (
    f"--turn needs a user name and a password: set {USER} and {PASSWORD}, or name a file with --turn-credentials (the "
    "user name in its first line, the password in the second one)."
)


def turn_options(command: Callable[..., int]) -> Callable[..., int]:
    """The options about TURN servers; they become one argument `turn`, None where no server was named."""

    @click.option(
        "--turn",
        "urls",
        multiple=True,
        metavar="URL",
        help="Then try calls relayed by your own TURN server: turn:HOST:PORT?transport=udp (or tcp), turns:HOST:PORT. "
        "Up to four times.",
    )
    @click.option(
        "--turn-credentials",
        "credentials",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help=f"User name and password of --turn, a line each. Default: {USER} and {PASSWORD}, or it asks.",
    )
    @functools.wraps(command)
    def with_turn(*, urls: tuple[str, ...], credentials: Path | None, **others: Any) -> int:
        return command(turn=TurnOptions(urls, credentials), **others)

    return with_turn


class TurnOptions:
    """What was given. Nothing is read or asked before `servers`."""

    def __init__(self, urls: tuple[str, ...], credentials: Path | None) -> None:
        self._urls, self._file = urls, credentials

    def added_to(self, plan: Plan) -> Plan:
        """The plan with calls by these servers at its end; `UsageError` for a URL that is none."""
        from talkpath.experiment.plan import with_relays
        from talkpath.probe.relays.turn_server import parse_turn_urls

        if self._file is not None and not self._urls:
            raise UsageError("--turn-credentials goes with --turn: name a server.")
        return with_relays(plan, [server.code for server in parse_turn_urls(self._urls)])

    def servers(self) -> TurnServers | None:
        """The servers with their credentials, None where none was named; on a terminal it asks for what is missing."""
        from talkpath.probe.relays.turn_server import TurnServers, parse_turn_urls

        return TurnServers(parse_turn_urls(self._urls), self._credentials()) if self._urls else None

    def _credentials(self) -> TurnCredentials:
        from talkpath.probe.relays.turn_server import TurnCredentials

        if self._file is not None:
            with in_place_of(
                (OSError, UnicodeDecodeError), FileError("The file of --turn-credentials cannot be read.")
            ):
                return TurnCredentials.read(self._file.read_text(encoding="utf-8"))
        user, password = os.environ.get(USER, ""), os.environ.get(PASSWORD, "")
        if not (user and password) and not sys.stdin.isatty():
            raise UsageError(NO_CREDENTIALS)
        return TurnCredentials.of(
            user or click.prompt("TURN user name", err=True),
            password or click.prompt("TURN password", hide_input=True, err=True),
        )


def planned_relays(plan: Plan) -> dict[str, Any]:
    """What --dry-run says of them, as JSON: the servers without their addresses, what the calls are like, how many are
    placed by each, and the most that all of it takes."""
    from talkpath.experiment.plan import relays_cost
    from talkpath.measure.relay_results import relay_arms
    from talkpath.verdict.planner.transports import RELAY_CALLS

    most_bytes, most_s = relays_cost(plan)
    return {
        "servers": list(plan.relays),
        "arms": [str(planned.arm) for planned in relay_arms(plan)],
        "calls": RELAY_CALLS,
        "call_s": plan.path_s,
        "most_bytes": most_bytes,
        "most_s": most_s,
    }


def relays_sentence(planned: dict[str, Any]) -> str:
    """The same in words."""
    arms = ", ".join(arm.replace("/", " ") for arm in planned["arms"])
    return (
        f"Then, by your TURN servers ({', '.join(planned['servers'])}): for each of {arms}, {planned['calls']} "
        f"allocations at each server and a call of {planned['call_s']:.0f} s by each allocation, relayed to the test "
        f"server and to nothing else, beside {planned['calls']} that go there directly. Of the bytes and seconds above "
        f"up to {planned['most_bytes'] / 1e6:.1f} MB and {planned['most_s']:.0f} s are for that. No result and no "
        "evidence has the addresses, user names or passwords of your servers."
    )
