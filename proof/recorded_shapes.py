"""How often calls like recorded ones are told as restricted where nothing restricts them (`check --like`).

Contract: `play_null_check` is a function of the shape's text and the seed: a check of the shape alone, in virtual time,
on a line of `scoring.draw` without a rule. `changed_shape` is a function of the shape's text and the generator: calls
of an app that nobody has recorded.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random
from typing import Final

import click
from msgspec.structs import replace

from proof.scoring.draw import drawn_background
from talkpath.apps import added_app
from talkpath.apps.recorded.fields import ConstantField, Field
from talkpath.apps.recorded.layout import has_rest
from talkpath.apps.recorded.played import played_shape, recorded_app
from talkpath.apps.recorded.record import PacketBlock, RecordedShape
from talkpath.apps.recorded.shape_text import read_shape_text, write_shape_text
from talkpath.errors import FileError
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.verdict.judge import judge_facts
from talkpath.verdict.statistics.proportion import Proportion

PRINTED_CHECKS: Final = 100
CHANGED_SHARE: Final = 0.5  # of the checks that `--changed` draws
TRIED_CHANGES: Final = 50  # a change that makes no shape is drawn again


def play_null_check(text: bytes, seed: int) -> tuple[str, str]:
    """Return the line, and the state of the one verdict."""
    rng = Random(f"recorded null {seed}")
    background, family = drawn_background(rng, closed=True), rng.choice((4, 4, 6))
    app = recorded_app(played_shape(text))
    with added_app(app):
        facts = run_sim(make_plan(choose_arms([app.id])), Scenario.parse(background, (), seed, family))
    (verdict,) = judge_facts(facts)
    return background, verdict.state


def changed_shape(text: bytes, rng: Random) -> bytes:
    """Return a shape with another pace, other sizes, other constant bytes, and some of its blocks."""
    record = read_shape_text(text)
    for _ in range(TRIED_CHANGES):
        try:
            changed = write_shape_text(_changed_record(record, rng))
            read_shape_text(changed)
            return changed
        except FileError:
            continue
    return text


def _changed_record(record: RecordedShape, rng: Random) -> RecordedShape:
    pace, kept = 2 ** rng.uniform(-0.7, 0.7), rng.uniform(0.4, 1.0)
    renamed, longer = rng.random() < 0.5, {kind.name: rng.randint(-20, 120) for kind in record.kinds}
    grows = {kind.name for kind in record.kinds if kind.stage == "media" and has_rest(kind.fields)}

    def field(one: Field) -> Field:
        return ConstantField(rng.randbytes(len(one.data))) if isinstance(one, ConstantField) and renamed else one

    def block(one: PacketBlock) -> PacketBlock:
        packets = (
            replace(
                each, gap_ms=round(each.gap_ms * pace, 1), size=each.size + longer[each.kind] * (each.kind in grows)
            )
            for each in one.packets
        )
        return replace(one, packets=tuple(packets))

    firsts = {(one.direction, one.after_ms): one for one in record.blocks}.values()
    blocks = [block(one) for one in record.blocks if one in firsts or rng.random() < kept]
    kinds = [replace(kind, fields=tuple(map(field, kind.fields))) for kind in record.kinds]
    return replace(record, kinds=tuple(kinds), blocks=tuple(blocks))


@click.command("shapes")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--checks", default=1000, show_default=True, help="How many, over all files in turn.")
@click.option("--first", default=1, show_default=True, help="The first seed.")
@click.option(
    "--changed", is_flag=True, help="Change half of the shapes at random: calls of apps that nobody recorded."
)
def shapes_command(files: tuple[Path, ...], checks: int, first: int, changed: bool) -> None:
    """Play checks of recorded shapes on lines without a restriction, and count what is said: after every hundred all
    so far, with the upper bound of the share of false accusations."""
    texts, states = [file.read_bytes() for file in files], Counter[str]()
    for seed in range(first, first + checks):
        text, rng = texts[seed % len(texts)], Random(f"changed shape {seed}")
        if changed and rng.random() < CHANGED_SHARE:
            text = changed_shape(text, rng)
        background, state = play_null_check(text, seed)
        states[state] += 1
        if state == "restricted":
            click.echo(f"restricted: seed {seed}, {files[seed % len(files)].name}, {background}")
        if seed in (first + checks - 1, first - 1 + PRINTED_CHECKS * (states.total() // PRINTED_CHECKS)):
            click.echo(_counts_line(states))


def _counts_line(states: Counter[str]) -> str:
    counted = ", ".join(f"{count} {state}" for state, count in states.most_common())
    bound = Proportion(states["restricted"], states.total()).high
    return f"{states.total()} checks: {counted}; restricted falsely: at most {100 * bound:.3f} %"
