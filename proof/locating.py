"""Error rates of `locate_command`: how often the place of a restriction is named right, over paths and rules drawn by
seed.

Contract: `draw_case` is a function of the seed, and `play_case` (in virtual time) of the draw. The truth is where the
lab put its restrictor. A place is right if the restrictor is between its two routers; it is `sharp` if no router in
between would answer.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path
from random import Random

import click
from rich.progress import track

from proof.intervals import proportion_of
from talkpath.cli._terminal.screen import screen
from talkpath.conduct.hop_questions import restricted_places
from talkpath.experiment.plan import choose_arms, locating_plan, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.path.routers import RouterPath
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Plan
from talkpath.verdict.bases.hops import Place

LOCATED_LINES = ("clean", "clean", "ge,loss=0.05", "congestion", "reorder", "ecmp")
LOCATED_APPS = ("webrtc", "whatsapp", "signal", "telegram/direct")
LOCATED_RULES = (
    "stun.drop",
    "dtls.hello_drop",
    "reflector.drop",
    "media.drop",
    "media.freeze",
    "media.police",
    "media.size_drop",
)
APP_OF_RULE = {"dtls.hello_drop": "webrtc", "reflector.drop": "telegram/reflector", "media.size_drop": "webrtc"}
MIN_RIGHT_SHARE, MAX_WRONG_SHARE = 0.95, 0.01
LOCATE_PAGE_INTRO = """# How often the place is told right

<!-- written by `python -m proof locate`, never by hand -->

Paths of two to six routers, the restrictor before each of them or before the test server, on lines good and bad:
{count} cases, seeds {first} to {last}, played in virtual time with the real engines
([how](why/2026-11-24-hops.md)). Some routers say nothing, some say little, some give packets their hops anew.
SIMULATED. Brackets are exact 95 % intervals.

"""


@dataclass(frozen=True, slots=True)
class LocateCase:
    """One path, and the rule that restricts calls on it."""

    seed: int
    rule: str
    path: str
    background: str
    app: str
    family: int


@dataclass(frozen=True, slots=True)
class LocateOutcome:
    """The result for one direction: `word` is right, wrong, or the reason why no place was named; `sharp` as above."""

    drawn: LocateCase
    direction: str
    word: str
    sharp: bool


def draw_case(seed: int) -> LocateCase:
    """The case of that seed."""
    rng = Random(f"locate {seed}")
    routers = rng.randint(2, 6)
    parts = [f"routers={routers}", f"at={rng.randint(1, routers + 1)}", f"quoted={rng.choice((8, 8, 64))}"]
    if silent := [str(router) for router in range(1, routers + 1) if rng.random() < 0.15]:
        parts.append(f"silent={'+'.join(silent)}")
    if rng.random() < 0.2:
        parts.append(f"rewrites={rng.randint(1, routers)}")
    if rng.random() < 0.3:
        parts.append(f"icmp_per_s={rng.choice((20, 100))}")
    kind = rng.choice(LOCATED_RULES)
    app = APP_OF_RULE.get(kind) or rng.choice(LOCATED_APPS[:3] if kind == "stun.drop" else LOCATED_APPS)
    return LocateCase(
        seed, _drawn_rule(rng, kind), ",".join(parts), rng.choice(LOCATED_LINES), app, rng.choice((4, 4, 6))
    )


def _drawn_rule(rng: Random, kind: str) -> str:
    settings = {
        "media.drop": f",p={rng.uniform(0.1, 0.95):.2f},direction={rng.choice(('up', 'down', 'both'))}",
        "media.freeze": f",after_packets={rng.randint(10, 50)}",
        "media.police": ",kbps=12",
        "media.size_drop": ",over=100",
    }
    return kind + settings.get(kind, "")


def plan_of(app: str, medium: str = "voice") -> Plan:
    """The plan of a check that locates what it finds; it has more bytes and time than others."""
    return locating_plan(make_plan(choose_arms([app], [medium])))


def play_case(drawn: LocateCase) -> list[LocateOutcome]:
    """Plays the case."""
    scenario = Scenario.parse(drawn.background, [drawn.rule], drawn.seed, drawn.family, drawn.path)
    assert scenario.path is not None  # drawn
    found = restricted_places(run_sim(plan_of(drawn.app), scenario))
    if not found:
        return [LocateOutcome(drawn, "", "not restricted", False)]
    return [
        LocateOutcome(drawn, place.direction, _outcome_word(place, scenario.path), _is_sharp(place, scenario.path))
        for place in found
    ]


def _outcome_word(place: Place, path: RouterPath) -> str:
    return place.why or ("right" if place_holds(place, path) else "wrong")


def place_holds(place: Place, path: RouterPath) -> bool:
    """Whether the restrictor is between the two routers."""
    first = path.at if place.direction == "up" else path.routers + 2 - path.at  # the first router of those it keeps out
    return place.after is not None and place.after < first <= (place.by or path.routers + 1)


def _is_sharp(place: Place, path: RouterPath) -> bool:
    if place.why or place.after is None:
        return False
    between = range(place.after + 1, place.by or path.routers + 1)
    numbers = between if place.direction == "up" else [path.routers + 1 - hop for hop in between]
    hidden = path.silent if not path.rewrites else frozenset(range(1, path.routers + 1))
    return all(number in hidden for number in numbers)


def locate_table(told: Iterable[LocateOutcome]) -> list[str]:
    """Lines of markdown: each result with its share and exact interval; then everything that was wrong."""
    every = list(told)
    said = [one for one in every if one.word in ("right", "wrong")]
    found = [one for one in every if one.word != "not restricted"]
    right, wrong = (
        proportion_of(one.word == "right" for one in said),
        proportion_of(one.word == "wrong" for one in found),
    )
    sharp = proportion_of(one.sharp for one in said)
    rows = [
        (
            "right, of all that were restricted",
            f"≥ {MIN_RIGHT_SHARE:.0%}",
            proportion_of(one.word == "right" for one in found),
        ),
        ("wrong, of all that were restricted", f"≤ {MAX_WRONG_SHARE:.0%}", wrong),
        ("right, of the places named", "–", right),
        ("as near as the routers that answer allow, of the places named", "–", sharp),
    ]
    lines = ["| what | goal | measured | n |", "|---|---|---|---|"]
    lines += [f"| {what} | {goal} | {s.value:.1%} [{s.low:.1%}, {s.high:.1%}] | {s.total} |" for what, goal, s in rows]
    words = Counter(one.word for one in every if one.word not in ("right", "wrong"))
    lines += ["", *(f"- {word}: {count}" for word, count in sorted(words.items()))]
    return lines + [f"- wrong: {one.drawn}, {one.direction}" for one in said if one.word == "wrong"]


@click.command("locate")
@click.argument("count", type=click.IntRange(1, 100_000))
@click.option("--first", default=0, show_default=True, help="The seed of the first case.")
@click.option("--page", type=click.Path(dir_okay=False, path_type=Path), help="Write the table to this file.")
def locate_command(count: int, first: int, page: Path | None) -> None:
    """Count over COUNT made-up paths how often `locate_command` tells the place right."""
    with Pool(os.cpu_count(), initializer=os.nice, initargs=(10,)) as pool:
        played = pool.imap_unordered(play_case, map(draw_case, range(first, first + count)))
        progress = track(played, "paths", count, console=screen(stderr=True), transient=True)
        cases = sorted((case for row in progress for case in row), key=lambda case: case.drawn.seed)
    lines = "\n".join(locate_table(cases))
    click.echo(lines)
    if page is not None:
        page.write_text(
            LOCATE_PAGE_INTRO.format(count=count, first=first, last=first + count - 1) + lines + "\n", encoding="utf-8"
        )
