"""Help in two levels: common options first, every option where it is asked for."""

from __future__ import annotations

import click
import pytest

from factories.machines.terminal import say_talkpath
from talkpath.cli import cli
from talkpath.cli._terminal.help import LongCommand


def listed(text: str) -> list[str]:
    """The lines of the lists of options."""
    lines = text.partition("\nOptions:\n")[2].splitlines()
    return [line for line in lines if line and line != "More options:"]


@pytest.mark.parametrize(
    ("command", "common", "rare"),
    [("check", "--app", "--gate"), ("respond", "--invite", "--tcp-ports"), ("observe serve", "--data", "--judges")],
)
def test_common_options_come_first_and_every_option_where_it_is_asked_for(command: str, common: str, rare: str):
    brief, every = say_talkpath(*command.split(), "--help"), say_talkpath(*command.split(), "--help-all")
    assert (brief.returncode, every.returncode) == (0, 0)
    assert common in brief.stdout
    assert f"  {rare}" not in brief.stdout
    assert "--help-all" in brief.stdout
    assert every.stdout.index(common) < every.stdout.index("More options:") < every.stdout.index(f"  {rare}")
    assert rare in brief.stdout.partition("More options (--help-all explains them):")[2].split()
    assert len(brief.stdout.splitlines()) < 45
    assert all(line.lstrip().startswith("-") or line.startswith("   ") for line in listed(every.stdout))


def test_every_common_option_is_one_of_the_command():
    for name in ("check", "respond"):
        command = cli.get_command(click.Context(cli), name)
        assert isinstance(command, LongCommand)
        known = {option.lstrip("-") for parameter in command.params for option in parameter.opts}
        assert command.common - {"help"} <= known
