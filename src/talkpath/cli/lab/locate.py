"""`talkpath lab locate`: plays one check through a made-up path of routers, and says where the restriction acts."""

from __future__ import annotations

import json

import click

from talkpath.errors import PeerError


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
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON (spec tp-010), with the ground truth.")
def locate(
    path: str,
    restrict: str,
    background: str,
    app: str,
    driver: str,
    seed: int,
    family: str,
    as_json: bool,
) -> None:
    """Play checks through a made-up path of routers.

    It prints where the restriction acts by the check, and where it truly acts.
    """
    from talkpath.cli._terminal.screen import screen
    from talkpath.conduct.hop_questions import restricted_places
    from talkpath.experiment.plan import choose_arms, locating_plan, make_plan
    from talkpath.lab.drivers import namespace, run
    from talkpath.lab.scenario import Scenario
    from talkpath.report import location_report
    from talkpath.verdict.judge import judge_facts

    scenario = Scenario.parse(background, [restrict], seed, int(family), path)
    if driver == "netns":
        if why := namespace.why_unavailable():
            raise PeerError(why)
        namespace.enter_namespace()
    facts = {"sim": run.run_sim, "netns": run.run_netns}[driver](
        locating_plan(make_plan(choose_arms([app], ["voice"]))), scenario
    )
    places = restricted_places(facts)
    assert scenario.path is not None  # parsed
    truth = {"routers": scenario.path.routers, "at": scenario.path.at}
    if as_json:
        click.echo(json.dumps(location_report.location_json(facts, places) | {"truth": truth}))
        return
    location_report.show_places(screen(), places, judge_facts(facts))
    click.echo(f"SIMULATED. The restrictor stands before router {truth['at']} of {truth['routers']}, from the device.")
