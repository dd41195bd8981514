"""`talkpath lab`: made-up networks that may restrict calls, to test what talkpath says of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from talkpath.cli._terminal.language import language_option
from talkpath.cli._terminal.output_file import tell_written
from talkpath.cli.check.shape import like_option
from talkpath.cli.lab.country import country
from talkpath.cli.lab.locate import locate
from talkpath.errors import UsageError

if TYPE_CHECKING:
    from talkpath.api.check_result import Result
    from talkpath.api.lab_check import Driver


@click.group()
def command() -> None:
    """Play checks through made-up networks on this machine.

    Nothing is sent to any other machine.
    """


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
@click.option(
    "--restrict",
    "rules",
    multiple=True,
    metavar="RULE",
    help="As media.drop,app=telegram,p=0.3; with to=app only at that app's own addresses.",
)
@click.option("--background", default="clean", show_default=True, help="The line's quality, as ge,loss=0.05.")
@click.option("--apps", default="", help="Apps, separated by commas. Default: all.")
@click.option("--media", default="voice", show_default=True, help="voice, video, or both with a comma.")
@click.option("--seed", default=0, show_default=True, help="The same seed plays the same network.")
@click.option("--family", type=click.Choice(["4", "6"]), default="4", show_default=True, help="IP version.")
@click.option("-k", "flows", default=None, type=click.IntRange(2, 16), help="Call flows in an epoch.")
@click.option("--deep", is_flag=True, help="Watch calls for 60 s each.")
@click.option("--transports", is_flag=True, help="Test for every app which transports carry a call.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write a signed bundle here.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON (spec tp-004), with the ground truth.")
@like_option
@language_option
def run_check(
    driver: str,
    rules: tuple[str, ...],
    background: str,
    apps: str,
    media: str,
    seed: int,
    family: str,
    flows: int | None,
    deep: bool,
    transports: bool,
    output: Path | None,
    as_json: bool,
    like: tuple[str, ...],
) -> None:
    """Play one check through one made-up network."""
    from talkpath.api.lab_check import simulate

    result = simulate(
        rules,
        background=background,
        apps=[*_separated_words(apps), *like],
        media=_chosen_media(media),
        seed=seed,
        family=6 if family == "6" else 4,
        driver=cast("Driver", driver),
        flows=flows,
        deep=deep,
        transports=transports,
    )
    if output is not None:
        result.save(output)
    _show_result(result, rules, as_json)
    tell_written(output, as_json)


def _separated_words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _chosen_media(text: str) -> list[str]:
    words = _separated_words(text)
    if not words or any(word not in ("voice", "video") for word in words):
        raise UsageError(f"{text!r} is no medium; there are: voice, video.")
    return words


def _show_result(result: Result, rules: tuple[str, ...], as_json: bool) -> None:
    from talkpath.cli._terminal.screen import screen
    from talkpath.lab.restrictor import parse_rule
    from talkpath.report import check_text
    from talkpath.report.pictures.check_page import simulation_note
    from talkpath.report.words.language import say

    if as_json:
        click.echo(json.dumps(result.record))
        return
    console = screen()
    hits = "; ".join(
        "{app} {variant} {medium} by {rule} {direction}".format(**hit) for hit in result.record["truth"]["hit"]
    )
    truth = say("page", "The lab restricted: {list}.", list=hits or say("page", "nothing"))
    check_text.show_check(console, result.verdicts, {"transports": result.record["transports"]})
    if any(parse_rule(text).bound for text in rules):
        truth += " " + say("page", "A rule bound to an app's own addresses acts on nothing that goes to a test server.")
    console.print(f"\n{simulation_note()} {truth}", highlight=False)
