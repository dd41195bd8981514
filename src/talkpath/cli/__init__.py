"""The command line: one file or folder a command, found by name. Results on stdout, progress on stderr.

Exit codes: 0 measured (whatever the verdict), 1 our bug, 2 usage, 3 could not measure, 4 evidence does not verify;
130 stopped by a person; with `check --gate` 10 to 13 (docs/reference/check.md).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from errno import ENOSPC
from importlib import import_module
from io import StringIO
from keyword import iskeyword
from pkgutil import iter_modules
from typing import Any

import click

from talkpath.cli._terminal.exit_codes import STOPPED_EXIT_CODE, USAGE, error_exit_code
from talkpath.cli._terminal.streams import print_plain_where_needed
from talkpath.errors import FileError, TalkpathError
from talkpath.version import VERSION, build_text


class Commands(click.Group):
    """The commands of a package, one a file or folder that has no underscore ahead; imported when it is asked for."""

    def __init__(self, *arguments: Any, package: str, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._package = package

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in order of their name; `import_` stands for a word that Python keeps for itself."""
        modules = iter_modules(import_module(self._package).__path__)
        return sorted(module.name.rstrip("_") for module in modules if not module.name.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that file."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command = import_module(f"{self._package}.{cmd_name}{'_' * iskeyword(cmd_name)}").command
        assert isinstance(command, click.Command)
        return command


def _print_version(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"talkpath, version {VERSION}, {build_text()}")
        context.exit()


@click.group(cls=Commands, package=__name__, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show version and build.",
)
def cli() -> None:
    """Measure whether voice and video calls are restricted on a network, how, and how sure that is."""


def main(commands: click.Group = cli) -> None:
    """Run one of the commands. A `TalkpathError` becomes one sentence on stderr and its exit code."""
    print_plain_where_needed()
    try:
        with _output_ends():
            code = commands.main(standalone_mode=False)
            sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else 0)
    except TalkpathError as error:
        from talkpath.cli._terminal.language import asked_language
        from talkpath.report.printable import printable
        from talkpath.report.words.errors import error_sentence
        from talkpath.report.words.language import speaking

        with speaking(asked_language(sys.argv)):
            click.echo(f"talkpath: {error_sentence(printable(str(error)))}", err=True)
        sys.exit(error_exit_code(error))
    except click.ClickException as error:
        from talkpath.report.printable import printable

        message = StringIO()
        error.show(message)
        click.echo("\n".join(map(printable, message.getvalue().split("\n"))), err=True, nl=False)
        sys.exit(USAGE)
    except (click.Abort, KeyboardInterrupt) as ended:
        from talkpath.cli._terminal.language import asked_language
        from talkpath.report.words.language import say, speaking

        with speaking(asked_language(sys.argv)):
            click.echo(f"talkpath: {str(ended) or say('ended', 'Stopped.')}", err=True)
        sys.exit(STOPPED_EXIT_CODE)


@contextmanager
def _output_ends() -> Iterator[None]:
    """Where no more can be written: 0 if the reader of standard output has enough (`| head`), else a sentence. Which
    file is full is not known here: standard output, or one that a library writes."""
    try:
        yield
    except (OSError, SystemExit) as ended:  # click ends with 1 for a broken pipe, and no command does
        is_broken = isinstance(ended, BrokenPipeError) or getattr(ended, "code", None) == 1
        if not is_broken and getattr(ended, "errno", None) != ENOSPC:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left is written at the very end
        if is_broken:
            sys.exit(0)
        raise FileError(f"The output cannot be written ({os.strerror(ENOSPC)}); choose another place.") from None
