"""`talkpath observe`: an observatory. Each command below it is a file `_observe_NAME.py` beside this one."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import click

from talkpath import cli

COMMAND_PREFIX = "_observe_"


class Observe(click.Group):
    """Imports a command's file only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in order of their name."""
        names = (module.name for module in iter_modules(cli.__path__))
        return sorted(name.removeprefix(COMMAND_PREFIX) for name in names if name.startswith(COMMAND_PREFIX))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that file."""
        if cmd_name not in self.list_commands(ctx):
            return None
        loaded = import_module(f"{cli.__name__}.{COMMAND_PREFIX}{cmd_name}").command
        assert isinstance(loaded, click.Command)
        return loaded


@click.command(cls=Observe)
def command() -> None:
    """Run an observatory: collect reports and publish findings.

    It keeps the bundles that people send and shows where and since when calls are restricted.
    """
