"""`talkpath lab`: made-up networks that may restrict calls, to see what talkpath says of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from talkpath.cli._lab_country import country
from talkpath.cli._lab_locate import locate
from talkpath.cli._lab_score import score
from talkpath.cli._language import language_option
from talkpath.errors import PeerError, UsageError

if TYPE_CHECKING:
    from talkpath.lab.scenario import Scenario
    from talkpath.measure.facts import Facts, Plan


@click.group()
def command() -> None:
    """Play checks through made-up networks. Nothing leaves this machine."""


command.add_command(score)
command.add_command(country)
command.add_command(locate)


@command.command("run")
@click.option(
    "--driver",
    type=click.Choice(["sim", "netns", "loopback"]),
    default="sim",
    show_default=True,
    help="Virtual time; real sockets in namespaces (Linux); real sockets of 127.0.0.1.",
)
@click.option("--restrict", "rules", multiple=True, metavar="RULE", help="As media.drop,app=telegram,p=0.3.")
@click.option("--background", default="clean", show_default=True, help="As ge,loss=0.05.")
@click.option("--apps", default="", help="Apps, separated by commas. Default: all.")
@click.option("--media", default="voice", show_default=True, help="voice, video, or both with a comma.")
@click.option("--seed", default=0, show_default=True, help="The same seed plays the same network.")
@click.option("--family", type=click.Choice(["4", "6"]), default="4", show_default=True, help="IP version.")
@click.option("-k", "k", default=None, type=click.IntRange(2, 16), help="Call flows an epoch.")
@click.option("--deep", is_flag=True, help="Watch calls for 60 s each.")
@click.option("--transports", is_flag=True, help="Ask for every app which transports carry a call.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the evidence here.")
@click.option("--json", "as_json", is_flag=True, help="Print tp-004 with the lab's truth.")
@language_option
def run(
    driver: str,
    rules: tuple[str, ...],
    background: str,
    apps: str,
    media: str,
    seed: int,
    family: str,
    k: int | None,
    deep: bool,
    transports: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """One check through one made-up network."""  # fmt: skip
    from talkpath.experiment.plan import DEEP_S, choose_arms, make_plan
    from talkpath.lab import scenario as scenarios
    from talkpath.lab.drivers.sim import PORTS

    scenario = scenarios.Scenario.parse(background, rules, seed, int(family))
    arms = choose_arms(_words(apps), _media(media), every=deep)
    plan = make_plan(arms, k=k, watch_s=DEEP_S if deep else 0.0, transports=transports)
    facts = _drive(driver)(plan, scenario)
    hits = [hit.record() for hit in scenarios.truth(scenario.rules, arms, PORTS)]
    _tell(facts, hits, output, as_json)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _media(text: str) -> list[str]:
    words = _words(text)
    if not words or any(word not in ("voice", "video") for word in words):
        raise UsageError(f"{text!r} is no medium; there are: voice, video.")
    return words


def _drive(driver: str) -> Callable[[Plan, Scenario], Facts]:
    from talkpath.lab import drive
    from talkpath.lab.drivers import namespace

    if driver == "netns":
        if why := namespace.available():
            raise PeerError(why)
        namespace.enter()
        return drive.run_netns
    return {"sim": drive.run_sim, "loopback": drive.run_loopback}[driver]


def _tell(facts: Facts, hits: list[dict[str, Any]], output: Path | None, as_json: bool) -> None:
    from talkpath.cli._screen import screen
    from talkpath.evidence.bundle import write_check
    from talkpath.evidence.file import write_file
    from talkpath.evidence.simulation import probe_signer
    from talkpath.report import result, text
    from talkpath.report.pictures.html import simulation_note
    from talkpath.report.words.language import say

    verdicts, written = result.result(facts, hits)
    if output is not None:
        write_file(output, write_check(facts, written, probe_signer()))
    if as_json:
        click.echo(json.dumps(written))
        return
    console = screen()
    truth = say("page", "The lab restricted: {list}.", list=_truth(hits) or say("page", "nothing"))
    text.show(console, verdicts, written["transports"])
    console.print(f"\n{simulation_note()} {truth}", highlight=False)


def _truth(hits: list[dict[str, object]]) -> str:
    return "; ".join(f"{h['app']} {h['variant']} {h['medium']} by {h['rule']} {h['direction']}" for h in hits)
