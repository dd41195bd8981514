"""Help in two levels, for commands with many options: `--help` shows the common ones, `--help-all` every one."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import click

HELP_ALL = "--help-all"


class LongCommand(click.Command):
    """A command with `common` options, by their longest names without dashes; the others are in `--help-all` alone."""

    def __init__(self, *arguments: Any, common: Collection[str], **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.common = {*common, "help", "help-all"}
        self.params.append(
            click.Option(
                [HELP_ALL],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                help="Show every option.",
                callback=_show_all,
            )
        )

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The common options, then the others, by their names alone where they are not asked for."""
        common: list[tuple[str, str]] = []
        others: list[tuple[str, str]] = []
        for parameter in self.get_params(ctx):
            if isinstance(parameter, click.Argument):
                continue  # it is in the usage, and told in the text
            if (record := parameter.get_help_record(ctx)) is not None:
                is_common = any(option.lstrip("-") in self.common for option in parameter.opts)
                (common if is_common else others).append(record)
        with formatter.section("Options"):
            formatter.write_dl(common)
        names = re.findall(r"(?<!\S)--[\w-]+", " ".join(name for name, _ in others))
        with formatter.section(f"More options{'' if ctx.meta.get(HELP_ALL) else f' ({HELP_ALL} explains them)'}"):
            formatter.write_dl(others) if ctx.meta.get(HELP_ALL) else formatter.write_text(" ".join(names))


def with_every_option(context: click.Context) -> str:
    """The help of `--help-all`."""
    context.meta[HELP_ALL] = True
    return context.get_help()


def _show_all(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if asked:
        click.echo(with_every_option(context))
        context.exit()
