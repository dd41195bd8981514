"""Where an observatory's commands find its folder and index, and how far they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


INDEX = """chdb:///FOLDER or clickhouse://HOST:PORT[,HOST:PORT]/DATABASE[?cluster=NAME]. Default: embedded, below the
folder. Better in TALKPATH_INDEX where it holds a password."""
FOLDER_PATH = click.Path(file_okay=False, path_type=Path)
FILE_PATH = click.Path(path_type=Path)


def data_option(command: Command) -> Command:
    """--data"""
    about = "The observatory's folder: log, bundles, open data."
    return click.option("--data", type=FOLDER_PATH, default=Path("observatory"), show_default=True, help=about)(command)


def index_option(command: Command) -> Command:
    """--index"""
    return click.option("--index", "dsn", default="", envvar="TALKPATH_INDEX", metavar="DSN", help=INDEX)(command)


def simulated_option(command: Command) -> Command:
    """--simulated"""
    about = "Take only what the lab made, and say SIMULATED everywhere."
    return click.option("--simulated", is_flag=True, help=about)(command)


def responders_option(command: Command) -> Command:
    """--responders"""
    return click.option("--responders", type=FILE_PATH, help="A list of known test servers (spec tp-003).")(command)


@contextmanager
def counting_progress(what: str, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Progress on stderr; the function is told how many are done."""
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    from talkpath.cli._terminal.screen import screen

    columns = TextColumn("{task.description}"), TextColumn("{task.completed:,.0f}"), TimeElapsedColumn()
    with Progress(*columns, console=screen(stderr=True), disable=quiet, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda count: progress.update(task, completed=count)
