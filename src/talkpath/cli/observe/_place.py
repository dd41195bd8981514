"""Where an observatory's commands find its folder and index, and how far they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import click

INDEX = """chdb:///FOLDER or clickhouse://HOST:PORT[,HOST:PORT]/DATABASE[?cluster=NAME]. Default: embedded, below the
folder. Better in TALKPATH_INDEX where it holds a password."""
TELL_EVERY_S = 60.0
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
    """Progress on stderr; the function is told how many are done. Where stderr is no terminal, a line a minute."""
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    from talkpath.cli._terminal.screen import screen

    console, told_s = screen(stderr=True), monotonic()
    columns = TextColumn("{task.description}"), TextColumn("{task.completed:,.0f}"), TimeElapsedColumn()
    with Progress(*columns, console=console, disable=quiet, transient=True) as progress:
        task = progress.add_task(what, total=None)

        def tell(count: int) -> None:
            nonlocal told_s
            progress.update(task, completed=count)
            if not (quiet or console.is_terminal) and monotonic() - told_s > TELL_EVERY_S:
                told_s = monotonic()
                console.print(f"{what}: {count:,}")

        yield tell
