"""`python -m proof score`: how often talkpath is wrong, in networks whose truth is known."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.errors import PeerError, UsageError

if TYPE_CHECKING:
    from proof.app_servers.row import OwnRows
    from proof.scoring.metrics.goals import Goal
    from proof.scoring.row import RowDriver, RowFile

QUICK = "1:500"
WHOLE = 15_000
OWN_NOTE = "<!-- written by `python -m proof score --own-page`: from rows alone, never by hand -->\n\n"
WIDE = 120
ROWS = Path("build/score.jsonl")
PATH = click.Path(dir_okay=False, path_type=Path)


@click.command("score")
@click.option("--seeds", default="", metavar="FIRST:COUNT", help="The seeds to play. Default: this release's own.")
@click.option("--release", "number", default=28, show_default=True, help="Which set of this release's seeds.")
@click.option("--quick", is_flag=True, help=f"Play seeds {QUICK}; exit 1 where a goal is missed.")
@click.option(
    "--minutes",
    default=150.0,
    show_default=True,
    help="Stop after so many minutes (0: play nothing). The next call goes on from there.",
)
@click.option("--jobs", type=click.IntRange(1), help="Checks at the same time. Default: one for each core.")
@click.option("--netns", type=click.IntRange(1), help="Play so many of the checks on real sockets instead (Linux).")
@click.option("--peers", type=click.IntRange(1), help="Play so many of the checks by other methods instead.")
@click.option(
    "--own", type=click.IntRange(1), help="Play so many questions to apps' own servers, and accompanied calls, instead."
)
@click.option("--study", "studies", multiple=True, help="Of --own only this study, as tables name it. Repeatable.")
@click.option("--own-page", type=PATH, help="Write the tables about apps' own servers and calls here as a page.")
@click.option("--null", is_flag=True, help="Play only those of the seeds where nothing is restricted.")
@click.option("--one", type=int, metavar="SEED", help="Play this one check again and print its row.")
@click.option("--rows", type=PATH, default=ROWS, show_default=True, help="The file of the rows.")
@click.option("--page", type=PATH, help="Write the page and its pictures here.")
@click.option("--numbers", type=PATH, help="Write the numbers for an observatory's method page here.")
@click.option("--json", "as_json", is_flag=True, help="Print the goals as JSON.")
def score_command(
    seeds: str,
    number: int,
    quick: bool,
    minutes: float,
    jobs: int | None,
    netns: int | None,
    peers: int | None,
    own: int | None,
    studies: tuple[str, ...],
    own_page: Path | None,
    null: bool,
    one: int | None,
    rows: Path,
    page: Path | None,
    numbers: Path | None,
    as_json: bool,
) -> None:
    """Measure how often talkpath is wrong, in made-up networks.

    Each seed draws a network whose ground truth is known and a check through it. Every check becomes a row of a file;
    a row that the same code wrote is not played again. The tables are computed from the rows that are there.
    """
    from proof.scoring import draw, published, run
    from proof.scoring.metrics import goals
    from proof.scoring.row import RowFile, row_digest
    from talkpath.cli._terminal.screen import screen

    if one is not None:
        _print_one(one)
        return
    if own or own_page:
        _score_own(rows, own or 0, studies, minutes, jobs, own_page)
        if page is None:
            return
        minutes = 0.0
    chosen = _chosen_seeds(seeds or (QUICK if quick else f"{draw.first_seed(number)}:{WHOLE}"))
    if netns:
        _enter_namespace()
    kept, console = RowFile(rows, row_digest()), screen(stderr=True)
    for driver, some in _chosen_tasks(chosen, netns, peers, null):
        run.play_all(kept, some, driver, console, minutes, jobs)
    found = goals.score_goals(played := kept.of("sim", chosen))
    _print_goals(found, len(played), as_json)
    if page is not None:
        _write_page(page, kept, chosen)
    if numbers is not None:
        published.write_published_rates(numbers, published.published_rates(played, kept.code))
    if quick and goals.missed_goals(found):
        sys.exit(1)


def _own_rows(rows: Path) -> OwnRows:
    """The rows about apps' own servers, in a file beside that of the checks."""
    from proof.app_servers.row import OwnRow, OwnRows, own_row_digest

    return OwnRows(rows.with_stem(f"{rows.stem}-own"), own_row_digest(), OwnRow)


def _score_own(
    rows: Path, count: int, studies: tuple[str, ...], minutes: float, jobs: int | None, page: Path | None
) -> None:
    from proof.app_servers import run, tables
    from proof.app_servers.cases import STUDY_SHARES
    from talkpath.cli._terminal.screen import screen

    if unknown := set(studies) - set(STUDY_SHARES):
        raise UsageError(f"There is no study {min(unknown)!r}; there are: {', '.join(STUDY_SHARES)}.")
    kept = _own_rows(rows)
    played = run.play_all(kept, list(islice(run.seeds_of(studies), count)), screen(stderr=True), minutes, jobs)
    text = "\n".join(tables.own_page_lines(kept.newest() if page else played, level=1)).lstrip()
    if page is None:
        click.echo(text)
    else:
        page.write_text(OWN_NOTE + text + "\n", encoding="utf-8")


def _chosen_seeds(text: str) -> range:
    first, colon, count = text.partition(":")
    if not (colon and first.isdigit() and count.isdigit() and int(count)):
        raise UsageError(f"--seeds takes FIRST:COUNT, as {QUICK}, not {text!r}.")
    return range(int(first), int(first) + int(count))


def _enter_namespace() -> None:
    from talkpath.lab.drivers import namespace

    if why := namespace.why_unavailable():
        raise PeerError(why)
    namespace.enter_namespace()


def _chosen_tasks(
    seeds: range, netns: int | None, peers: int | None, null: bool
) -> list[tuple[RowDriver, Sequence[int]]]:
    """What to play, in this order. Beside real sockets stands the same in virtual time."""
    from proof.scoring.draw import draw_check, one_arm_seeds

    found: list[tuple[RowDriver, Sequence[int]]] = []
    if netns:
        found += [("netns", one_arm_seeds(seeds, netns)), ("sim", one_arm_seeds(seeds, netns))]
    if peers:
        found.append(("peers", seeds[:peers]))  # of each its unit alone
    if null and not found:
        return [("sim", [seed for seed in seeds if draw_check(seed).study == "null"])]
    return found or [("sim", seeds)]


def _print_one(seed: int) -> None:
    import msgspec

    from proof.scoring.draw import draw_check
    from proof.scoring.play import play_drawn_check

    drawn = draw_check(seed)
    row = msgspec.to_builtins(play_drawn_check(drawn, ""))
    click.echo(json.dumps({"unit": str(drawn.unit), **row}, indent=1))


def _print_goals(found: Sequence[Goal], count: int, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"schema": "talkpath.score/1", "checks": count, "goals": [asdict(one) for one in found]}))
        return
    from rich import box
    from rich.table import Table

    from talkpath.cli._terminal.screen import screen

    table = Table("what", "goal", "measured", "n", "", box=box.SIMPLE, title=f"{count} checks, SIMULATED")
    for goal in found:
        table.add_row(goal.name, goal.wanted, goal.found, goal.n, goal.standing)
    width = max(WIDE, screen().width)
    screen(highlight=False, width=width).print(table)


def _write_page(path: Path, kept: RowFile, seeds: range) -> None:
    from proof.scoring import driver_agreement
    from proof.scoring.page.write import write_score_page

    rows = kept.of("sim", seeds)
    pairs = driver_agreement.paired_rows(rows, kept.of("netns", seeds))
    looks = [row.look for row in kept.of("peers", seeds) if row.look is not None]
    write_score_page(path, rows, pairs, looks, kept.code)
