"""`--other-hosts`: where the test server does not answer, other hosts are asked, each once and with consent."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

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

    def hosts(self, country: str) -> tuple[OtherHost, ...]:
        """The hosts that may be asked from that country, "" where it is not known."""
        from talkpath.probe.other_hosts import read_other_hosts

        return read_other_hosts(country, self.file)

    def ask(self, facts: Facts, link: InviteLink, family: int, country: str) -> Facts:
        """The facts, with what the hosts answered where the test server did not, and somebody agrees."""
        from talkpath.probe.other_hosts import ask_beside_silence, needs_other_hosts

        if not needs_other_hosts(facts):
            return facts
        hosts = self.hosts(country)
        if not (self.agreed or _may_be_asked(hosts)):
            return facts
        return ask_beside_silence(facts, link, family, hosts)

    def rehearse(self, country: str, as_json: bool) -> None:
        """Print who would be asked, where that was agreed to."""
        if self.agreed and not as_json:
            click.echo(f"If the test server does not answer, one request each to: {_named_hosts(self.hosts(country))}.")


def _named_hosts(hosts: Sequence[OtherHost]) -> str:
    return ", ".join(f"{each.host} ({'HTTP' if each.kind == 'online' else 'TLS'})" for each in hosts)


def _may_be_asked(hosts: Sequence[OtherHost]) -> bool:
    """Does whoever sits here agree? Nobody can where nobody sits."""
    from talkpath.report.words.endings import other_hosts_question

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    return click.confirm(other_hosts_question(_named_hosts(hosts)), default=False, err=True)
