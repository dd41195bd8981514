"""Where an observatory's commands find its folder and index, and how far they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

INDEX = """chdb:///FOLDER or clickhouse://HOST:PORT[,HOST:PORT]/DATABASE[?cluster=NAME]. Default: embedded, below the
folder. Better in TALKPATH_INDEX where it holds a password."""
FOLDER_PATH = click.Path(file_okay=False, path_type=Path)
FILE_PATH = click.Path(path_type=Path)


data_option = click.option(
    "--data",
    type=FOLDER_PATH,
    default=Path("observatory"),
    show_default=True,
    help="The observatory's folder: log, bundles, open data.",
)
existing_data_option = click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("observatory"),
    show_default=True,
    help="The observatory's folder, which exists.",
)
index_option = click.option("--index", "dsn", default="", envvar="TALKPATH_INDEX", metavar="DSN", help=INDEX)
simulated_option = click.option(
    "--simulated", is_flag=True, help="Take only what the lab made, and say SIMULATED everywhere."
)
responders_option = click.option("--responders", type=FILE_PATH, help="A list of known test servers (spec tp-003).")


@contextmanager
def counting_progress(what: str, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Progress on stderr; the function is told how many are done."""
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    from talkpath.cli._terminal.screen import screen

    columns = TextColumn("{task.description}"), TextColumn("{task.completed:,.0f}"), TimeElapsedColumn()
    with Progress(*columns, console=screen(stderr=True), disable=quiet, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda count: progress.update(task, completed=count)
