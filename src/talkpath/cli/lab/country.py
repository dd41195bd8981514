"""`talkpath lab country`: a made-up country, day by day."""

from __future__ import annotations

import json
from pathlib import Path

import click

from talkpath.report.printable import printable


@click.command("country")
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A new folder. Default: country-NAME-SEED.")
@click.option("--seed", default=0, show_default=True, help="The same seed plays the same country.")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes to play it in.")
@click.option("--json", "as_json", is_flag=True, help="Print what was played as JSON.")
def country(scenario: Path, output: Path | None, seed: int, jobs: int, as_json: bool) -> None:
    """Play a made-up country and write its bundles into a folder.

    SCENARIO is a TOML file. Bundles and taps are written day by day; everything in them is simulated and says so. The
    ground truth is kept apart, in truth/. Test claims on the rest with `talkpath claims --hold FOLDER --country XX`.
    """
    from rich.progress import Progress

    from talkpath.cli._terminal.screen import screen
    from talkpath.lab.country.play import play_country
    from talkpath.lab.country.settings import read_country

    read = read_country(scenario)
    folder = output or Path(f"country-{read.name}-{seed}")
    total = len(read.days) * len(read.operators) * read.people.checks
    with Progress(console=screen(stderr=True), disable=as_json, transient=True) as progress:
        task = progress.add_task(read.name, total=total)
        checks = play_country(read, folder, seed, jobs, lambda day: progress.update(task, advance=1, description=day))
    days, networks = len(read.days), len(read.operators)
    if as_json:
        summary = {"schema": "talkpath.country/1", "simulated": True, "scenario": read.name, "seed": seed}
        click.echo(json.dumps({**summary, "checks": checks, "days": days, "networks": networks}))
        return
    name, place = printable(read.name), printable(folder.name)
    click.echo(f"SIMULATED: {checks} checks on {networks} networks and {days} days of {name}, in {place}.")
