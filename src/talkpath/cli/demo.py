"""`talkpath demo`: four scenes in a made-up country, inside this computer."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.cli._terminal.language import language_option
from talkpath.errors import FileError, in_place_of
from talkpath.report.printable import printable

if TYPE_CHECKING:
    from talkpath.lab.demo.play import DemoResult


@click.command()
@click.option(
    "-o",
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default="demo",
    show_default=True,
    help="Write report.html, demo.json and a bundle of each scene into this folder.",
)
@click.option(
    "--driver",
    type=click.Choice(["auto", "netns", "loopback", "sim"]),
    default="auto",
    show_default=True,
    help="What carries the packets; auto takes the most real one that works here.",
)
@click.option("--seed", default=1, show_default=True, help="The same seed plays the same networks.")
@click.option("--json", "as_json", is_flag=True, help="Print demo.json instead of the summary.")
@language_option
def command(folder: Path, driver: str, seed: int, as_json: bool) -> None:
    """Play four scenes in a made-up country on this machine.

    It takes about 50 s and shows what a check finds before, during and without a restriction.
    """

    from talkpath.cli._terminal.screen import screen
    from talkpath.lab.demo import play
    from talkpath.lab.demo.progress import DemoProgress
    from talkpath.lab.demo.script import read_script
    from talkpath.lab.demo.text import demo_summary
    from talkpath.lab.drivers import namespace

    chosen = play.choose_driver(driver)
    if chosen == "netns":
        namespace.enter_namespace()
    with in_place_of(
        OSError, FileError("The folder of --out cannot be written; name another one. Nothing was played.")
    ):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "demo.json").touch()
    with DemoProgress(screen(stderr=True)) as progress:
        performance = play.play_scenes(read_script(), chosen, seed, progress)
    written = _write_files(folder, performance)
    if as_json:
        click.echo(written.encode())
        return
    console = screen()
    console.width = min(console.width, 110) if console.is_terminal else 100
    console.print(demo_summary(performance, printable(str(folder)), printable(_typed_command())), highlight=False)


def _typed_command() -> str:
    """How this program is called from here: by its name where a shell finds it, else by the path that was used."""
    return sys.argv[0] if Path(sys.argv[0]).name == "talkpath" and shutil.which("talkpath") is None else "talkpath"


def _write_files(folder: Path, performance: DemoResult) -> str:
    """All files; what demo.json holds."""
    from talkpath.lab.demo.page import demo_page
    from talkpath.lab.demo.play import as_json

    written = json.dumps(as_json(performance), indent=2, ensure_ascii=False)
    with in_place_of(OSError, FileError("The folder of --out could not be written to; is the disk full?")):
        (folder / "report.html").write_text(demo_page(performance), encoding="utf-8")
        (folder / "demo.json").write_text(written + "\n", encoding="utf-8")
        for played in performance.played:
            (folder / f"{played.scene.id}.talkpath").write_bytes(played.bundle())
    return written
