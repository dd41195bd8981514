"""How often calls like recorded ones are told as restricted where nothing restricts them (`check --like`).

Contract: `play_null_check` is a function of the shape's text and the seed: a check of the shape alone, in virtual time,
on a line of `scoring.draw` without a rule.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random
from typing import Final

import click

from proof.scoring.draw import drawn_background
from talkpath.apps import added_app
from talkpath.apps.recorded.played import played_shape, recorded_app
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.verdict.judge import judge_facts
from talkpath.verdict.statistics.proportion import Proportion

PRINTED_CHECKS: Final = 100


def play_null_check(text: bytes, seed: int) -> tuple[str, str]:
    """Return the line, and the state of the one verdict."""
    rng = Random(f"recorded null {seed}")
    background, family = drawn_background(rng, closed=True), rng.choice((4, 4, 6))
    app = recorded_app(played_shape(text))
    with added_app(app):
        facts = run_sim(make_plan(choose_arms([app.id])), Scenario.parse(background, (), seed, family))
    (verdict,) = judge_facts(facts)
    return background, verdict.state


@click.command("shapes")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--checks", default=1000, show_default=True, help="How many, over all files in turn.")
@click.option("--first", default=1, show_default=True, help="The first seed.")
def shapes_command(files: tuple[Path, ...], checks: int, first: int) -> None:
    """Play checks of recorded shapes on lines without a restriction, and count what is said: after every hundred all
    so far, with the upper bound of the share of false accusations."""
    texts, states = [file.read_bytes() for file in files], Counter[str]()
    for seed in range(first, first + checks):
        background, state = play_null_check(texts[seed % len(texts)], seed)
        states[state] += 1
        if state == "restricted":
            click.echo(f"restricted: seed {seed}, {files[seed % len(files)].name}, {background}")
        if seed in (first + checks - 1, first - 1 + PRINTED_CHECKS * (states.total() // PRINTED_CHECKS)):
            click.echo(_counts_line(states))


def _counts_line(states: Counter[str]) -> str:
    counted = ", ".join(f"{count} {state}" for state, count in states.most_common())
    bound = Proportion(states["restricted"], states.total()).high
    return f"{states.total()} checks: {counted}; restricted falsely: at most {100 * bound:.3f} %"
