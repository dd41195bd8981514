"""`talkpath lab locate`: how often is a restriction placed right on its path?"""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from talkpath.errors import PeerError

INTRO = """# How often the place is told right

<!-- written by `talkpath lab locate --score`, never by hand -->

Paths of two to six routers, the restrictor before each of them or before the test server, on lines good and bad:
{count} cases, seeds {first} to {last}, played in virtual time with the real engines
([how](why/2026-11-24-hops.md)). Some routers say nothing, some say little, some give packets their hops anew.
SIMULATED. Brackets are exact 95 % intervals.

"""


@click.command("locate")
@click.option(
    "--path", default="routers=4", show_default=True, help="The path, as routers=4,at=2,silent=1+3,rewrites=2."
)
@click.option(
    "--restrict", default="media.drop,p=0.5", show_default=True, metavar="RULE", help="A rule, as for `lab run`."
)
@click.option("--background", default="clean", show_default=True, help="The line's quality, as ge,loss=0.05.")
@click.option("--app", default="webrtc", show_default=True, help="The app whose calls are placed.")
@click.option(
    "--driver", type=click.Choice(["sim", "netns"]), default="sim", show_default=True, help="As for `lab run`."
)
@click.option("--seed", default=0, show_default=True, help="The same seed plays the same network.")
@click.option("--family", type=click.Choice(["4", "6"]), default="4", show_default=True, help="IP version.")
@click.option(
    "--score", "count", type=click.IntRange(1, 100_000), help="Play so many cases from --seed on; print a table."
)
@click.option("--page", type=click.Path(dir_okay=False, path_type=Path), help="Write the table to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON (spec tp-010), with the ground truth.")
def locate(
    path: str,
    restrict: str,
    background: str,
    app: str,
    driver: str,
    seed: int,
    family: str,
    count: int | None,
    page: Path | None,
    as_json: bool,
) -> None:
    """Play checks through a made-up path of routers.

    It prints where the restriction acts by the check, and where it truly acts.
    """
    if count is not None:
        _score(seed, count, page)
        return
    from talkpath.cli._screen import screen
    from talkpath.conduct.hop_questions import restricted_places
    from talkpath.lab.drivers import namespace, run
    from talkpath.lab.locating import plan_of
    from talkpath.lab.scenario import Scenario
    from talkpath.report import location_report
    from talkpath.verdict.judge import judge

    scenario = Scenario.parse(background, [restrict], seed, int(family), path)
    if driver == "netns":
        if why := namespace.available():
            raise PeerError(why)
        namespace.enter()
    facts = {"sim": run.run_sim, "netns": run.run_netns}[driver](plan_of(app), scenario)
    places = restricted_places(facts)
    assert scenario.path is not None  # parsed
    truth = {"routers": scenario.path.routers, "at": scenario.path.at}
    if as_json:
        click.echo(json.dumps(location_report.record(facts, places) | {"truth": truth}))
        return
    location_report.show(screen(), places, judge(facts))
    click.echo(f"SIMULATED. The restrictor stands before router {truth['at']} of {truth['routers']}, from the device.")


def _score(first: int, count: int, page: Path | None) -> None:
    from multiprocessing import Pool

    from rich.progress import track

    from talkpath.cli._screen import screen
    from talkpath.lab.locating import draw, play, table

    with Pool(os.cpu_count(), initializer=os.nice, initargs=(10,)) as pool:
        played = pool.imap_unordered(play, map(draw, range(first, first + count)))
        progress = track(played, "paths", count, console=screen(stderr=True), transient=True)
        cases = sorted((case for row in progress for case in row), key=lambda case: case.drawn.seed)
    lines = "\n".join(table(cases))
    click.echo(lines)
    if page is not None:
        page.write_text(INTRO.format(count=count, first=first, last=first + count - 1) + lines + "\n", encoding="utf-8")
