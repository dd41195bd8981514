"""Error rates of calls between two browsers: how often the rules accuse where nothing restricts, and what they find.

Contract: `draw_pair` is a function of the seed. A network treats flows, not roles: what becomes of each 5-tuple is
drawn before calls and twins are placed on them. Only a rule about calls, or a browser's own stack, tells the two apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np
from msgspec import Struct

from proof.intervals import proportion_of
from talkpath.measure.paired_call import (
    EndCounts,
    PairedCallFacts,
    PairedEnd,
    PairedFlow,
    PairedFlowKind,
    PairedMedium,
    PairedRound,
    PairedRoute,
)
from talkpath.verdict.bases.paired_call import PAIRED_ROUTES, PairedCallVerdict, judge_paired_call

PACKETS, ROUNDS_A_MEDIUM, FLOWS_A_KIND = 150, 5, 3
KINDS: tuple[PairedFlowKind, ...] = ("call", "twin")
MOST_STACK_LOSS = 0.04  # so much more may a browser's own stack lose of a call than of a data channel
PLAYED_DROPS = (0.1, 0.2, 0.3, 0.5, 1.0)
PAIRED_PAGE_INTRO = """# How often calls between two phones are told right

<!-- written by `python -m proof paired`, never by hand -->

Two lines and the ten rounds of [a call between two phones](how-to/call-between-two.md), made up by seed (from 0) and
judged by the real rules. SIMULATED: counts of packets are drawn, no browser runs. Only the contrast between the two is
asked; no own line is checked. A rule about calls that drops p of their packets acts on one route in one direction. A
browser's own stack loses up to 4 % more of calls than of data channels everywhere, and on two of three lines 5 or 30 %
of all connections are never set up. Brackets are exact 95 % intervals.

"""

LossOfFlows = Callable[[np.random.Generator, int], np.ndarray]


def _bursts(rng: np.random.Generator, flows: int) -> np.ndarray:
    return np.full(flows, rng.beta(0.4, 2.0)) * rng.uniform(0.8, 1.2, flows)


def _ways(rng: np.random.Generator, flows: int) -> np.ndarray:
    return rng.choice([0.0, 0.0, 0.02, rng.uniform(0.1, 1.0)], flows)


def _ends_early(rng: np.random.Generator, flows: int) -> np.ndarray:
    return np.where(rng.random(flows) < 0.2, rng.random(flows), 0.0)


PAIRED_BACKGROUNDS: dict[str, LossOfFlows] = {
    "clean": lambda rng, flows: np.zeros(flows),
    "every packet alike": lambda rng, flows: np.full(flows, rng.uniform(0.0, 0.3)),
    "bursts that all flows share": _bursts,
    "each flow its own luck": lambda rng, flows: rng.beta(0.3, 1.5, flows),
    "several ways, of which one loses": _ways,
    "flows that end early": _ends_early,
}


class PairedDraw(Struct, frozen=True):
    """Two lines. `drop`: the share of a call's packets that a rule drops, on `route`, of what `sender` sends."""

    seed: int
    background: str
    refused: float  # the share of 5-tuples that are never set up
    direct: bool
    relay: bool
    stack_loss: float
    drop: float = 0.0
    route: PairedRoute = "direct"
    sender: PairedEnd = "a"


def draw_pair(seed: int, drop: float = 0.0) -> PairedDraw:
    """The pair of that seed; with a `drop` on a line on which the two can be connected."""
    rng = np.random.default_rng([seed, 42])
    background = list(PAIRED_BACKGROUNDS)[seed % len(PAIRED_BACKGROUNDS)]
    relay = bool(rng.random() < 0.8)
    return PairedDraw(
        seed=seed,
        background=background,
        refused=float(rng.choice([0.0, 0.05, 0.3])),
        direct=bool(rng.random() < 0.6) or drop > 0.0,
        relay=relay,
        stack_loss=float(rng.uniform(0.0, MOST_STACK_LOSS)),
        drop=drop,
        route="relayed" if relay and rng.random() < 0.5 else "direct",
        sender="a" if rng.random() < 0.5 else "b",
    )


def played_pair(drawn: PairedDraw) -> PairedCallFacts:
    """Play its ten rounds."""
    rng = np.random.default_rng([drawn.seed, 43])
    media: tuple[PairedMedium, ...] = ("voice", "video")
    rounds = [PairedRound(medium, _played_round(rng, drawn)) for medium in media for _ in range(ROUNDS_A_MEDIUM)]
    return PairedCallFacts(tuple(rounds), relay_offered=drawn.relay)


def _played_round(rng: np.random.Generator, drawn: PairedDraw) -> tuple[PairedFlow, ...]:
    """Draw what becomes of each 5-tuple of a route; then place calls and twins on them at random."""
    found: list[PairedFlow] = []
    for route in PAIRED_ROUTES[: 1 + drawn.relay]:
        flows = 2 * FLOWS_A_KIND
        lost = {end: np.clip(PAIRED_BACKGROUNDS[drawn.background](rng, flows), 0.0, 1.0) for end in ("a", "b")}
        set_up = (rng.random(flows) >= drawn.refused) & (route == "relayed" or drawn.direct)
        for flow, at in enumerate(rng.permutation(flows)):
            kind = KINDS[flow % 2]
            held = drawn.drop if kind == "call" and route == drawn.route else 0.0
            shares = {
                end: 1
                - (1 - lost[end][at]) * (1 - drawn.stack_loss * (kind == "call")) * (1 - held * (end == drawn.sender))
                for end in ("a", "b")
            }
            counts = {end: rng.binomial(PACKETS, 1 - shares[end]) for end in ("a", "b")}
            found.append(
                PairedFlow(kind, route, _end_counts(set_up[at], counts["b"]), _end_counts(set_up[at], counts["a"]))
            )
    return tuple(found)


def _end_counts(set_up: bool, received: int) -> EndCounts:
    return EndCounts(90.0, PACKETS, int(received), True) if set_up else EndCounts(tried=True)


def judged_pair(drawn: PairedDraw) -> PairedCallVerdict:
    """What the rules say of it."""
    return judge_paired_call(played_pair(drawn), (), ())


def paired_table(pairs: int, restricted_pairs: int) -> Iterator[str]:
    """Lines of markdown: false accusations by background, then what is found of each strength of a rule."""
    yield "| nothing restricts | pairs | said to be restricted | calls get through | too poor | could not tell |"
    yield "|---|---|---|---|---|---|"
    told = [(drawn.background, judged_pair(drawn).state) for drawn in map(draw_pair, range(pairs))]
    for name in (*PAIRED_BACKGROUNDS, "all"):
        states = [state for background, state in told if name in (background, "all")]
        false = proportion_of(state == "restricted" for state in states)
        others = " | ".join(str(states.count(state)) for state in ("ok", "impaired", "insufficient"))
        yield f"| {name} | {false.total} | {false.count} ({false.low:.2%} to {false.high:.2%}) | {others} |"
    yield from (
        "",
        "| drops of calls | pairs | found where nothing else is amiss | found on all lines |",
        "|---|---|---|---|",
    )
    for drop in PLAYED_DROPS:
        drawn_pairs = [draw_pair(seed, drop) for seed in range(restricted_pairs)]
        found = [(drawn, judged_pair(drawn).state == "restricted") for drawn in drawn_pairs]
        clean = proportion_of(yes for drawn, yes in found if drawn.background == "clean" and not drawn.refused)
        every = proportion_of(yes for _, yes in found)
        clean_cell, cell = (
            f"{one.value:.0%} ({one.low:.0%} to {one.high:.0%})" if one.total else "–" for one in (clean, every)
        )
        yield f"| {drop:.0%} | {every.total} | {clean_cell} | {cell} |"


@click.command("paired")
@click.argument("pairs", type=click.IntRange(1, 100_000))
@click.option("--restricted", default=900, show_default=True, help="So many pairs for each strength of a rule.")
@click.option("--page", type=click.Path(dir_okay=False, path_type=Path), help="Write the tables to this file.")
def paired_command(pairs: int, restricted: int, page: Path | None) -> None:
    """Count over made-up PAIRS of lines how often a call between two phones is told right."""
    lines = "\n".join(paired_table(pairs, restricted))
    click.echo(lines)
    if page is not None:
        page.write_text(PAIRED_PAGE_INTRO + lines + "\n", encoding="utf-8")
