"""A seed stands for one check: what is studied, arms, restriction, background, address family.

Contract: `draw` is a function of its arguments. Three studies share the seeds:

- `null`: nobody restricts anything. Mostly the whole default battery, over every background in its drawn strength.
- `rules`: one restriction (sometimes two) drawn at random over one arm, two apps or the battery, over every background
  on which UDP passes at all. The arm that the dice chose first is the row's unit: one a row, so rows are independent.
- `speed`: packets of WebRTC's voice (50 a second) dropped one way with one of a few probabilities, alone or within the
  battery: how soon it is known, half of it on lines for which Wald's bound can be worked out.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from random import Random
from typing import Literal, NamedTuple

from talkpath.apps import shapes
from talkpath.apps.contract.shape import Arm
from talkpath.experiment.plan import choose_arms
from talkpath.lab.backgrounds import kinds
from talkpath.lab.drivers.sim import PORTS
from talkpath.lab.restrictor import parse_rule
from talkpath.lab.scenario import truth
from talkpath.lab.scoring.settings import KINDS, OF_CALLS, setting
from talkpath.version import VERSION

Study = Literal["null", "rules", "speed"]

SHARES: tuple[tuple[Study, float], ...] = (("null", 0.55), ("rules", 0.33), ("speed", 0.12))
UNSEEN = 0.2  # of the checks have a background that nobody tuned to
CLOSED = ("corporate",)  # backgrounds that are no restriction on calls, but truly closed
OTHER_WAYS = {"transit_loss": ("transit_loss", "transit_loss,direction=up")}
SPEED_ARM = Arm("webrtc", "dtls", "voice")
EFFECTS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
WALD_LINES = ("clean", "clean", "ge,loss=0.05", "ge,loss=0.15")
APPS = tuple(dict.fromkeys(arm.app for arm in shapes()))
RELEASE_SEEDS = 100_000  # at most so many checks a release


@dataclass(frozen=True, slots=True)
class Draw:
    """One check. `unit` is the arm that the restriction was drawn for."""

    seed: int
    study: Study
    rules: tuple[str, ...]
    background: str
    arms: tuple[Arm, ...]
    unit: Arm
    family: int


class Narrow(NamedTuple):
    """What a check may be, "" for anything: a rule ("two" of them), a background, and "one" arm, all arms of "two"
    apps, or "all" of the default. Whoever works on the method is not shown `unseen` backgrounds."""

    rule: str = ""
    background: str = ""
    arms: str = ""
    unseen: bool = True


ANY = Narrow()


def first_seed(number: int, version: str = VERSION) -> int:
    """Where a release's seeds begin: nobody has seen them before its version is set."""
    digest = hashlib.sha256(f"talkpath {version} draw {number}".encode()).digest()
    return (1 + int.from_bytes(digest[:8], "big") % 1_000_000) * RELEASE_SEEDS


def draw(seed: int) -> Draw:
    """The check of that seed."""
    rng = Random(f"score {seed}")
    (study,) = rng.choices([name for name, _ in SHARES], [share for _, share in SHARES])
    return {"null": draw_null, "rules": draw_rules, "speed": _speed}[study](seed, rng)


def draw_null(seed: int, rng: Random, narrow: Narrow = ANY) -> Draw:
    """Nobody restricts anything."""
    many = narrow.arms or rng.choice(("all",) * 8 + ("one", "two"))
    arms = _arms(rng, many, rng.choice(list(shapes())))
    background = narrow.background or _background(rng, narrow.unseen, closed=True)
    return Draw(seed, "null", (), background, arms, rng.choice(arms), rng.choice((4, 4, 6)))


def _speed(seed: int, rng: Random) -> Draw:
    arms = choose_arms() if rng.random() < 0.4 else (SPEED_ARM,)
    background = rng.choice(WALD_LINES) if rng.random() < 0.5 else _background(rng)
    rule = f"media.drop,direction={rng.choice(('up', 'down'))},p={rng.choice(EFFECTS):g}"
    return Draw(seed, "speed", (rule,), background, arms, SPEED_ARM, rng.choice((4, 4, 6)))


def draw_rules(seed: int, rng: Random, narrow: Narrow = ANY) -> Draw:
    """A restriction that acts on its unit; what a check cannot see in an arm is not drawn for it."""
    while True:
        kind = rng.choice(KINDS) if narrow.rule in ("", "two") else narrow.rule
        unit = rng.choice(list(shapes()))
        arms = _arms(rng, narrow.arms or rng.choice(("one", "one", "one", "two", "all")), unit)
        both = kind in OF_CALLS and (narrow.rule == "two" or (not narrow.rule and rng.random() < 0.08))
        rules = (setting(rng, kind, unit), *([setting(rng, rng.choice(list(OF_CALLS)), unit)] if both else []))
        background = narrow.background or _background(rng, narrow.unseen)
        drawn = Draw(seed, "rules", rules, background, arms, unit, rng.choice((4, 4, 6)))
        if unit in arms and _acts(drawn) and (both or narrow.rule != "two"):
            return drawn


def _acts(drawn: Draw) -> bool:
    """Does every rule hit the unit?"""
    return all(text and truth([parse_rule(text)], (drawn.unit,), PORTS) for text in drawn.rules)


def _arms(rng: Random, many: str, unit: Arm) -> tuple[Arm, ...]:
    """The unit alone; all arms of its app and another's, of its medium; the default battery."""
    if many == "one":
        return (unit,)
    other = rng.choice([app for app in APPS if app != unit.app])
    return choose_arms([unit.app, other] if many == "two" else [], [unit.medium] if many == "two" else ["voice"])


def _background(rng: Random, unseen_too: bool = True, closed: bool = False) -> str:
    """A kind of background, its strength left to the run's seed: one check in five has one that nobody tuned to, of
    the others the clean line is worth three. `closed` ones only where asked for."""
    unseen = [kind.id for kind in kinds().values() if kind.unseen]
    seen = [name for name in kinds() if name not in unseen and (closed or name not in CLOSED)]
    name = rng.choice(unseen if unseen_too and rng.random() < UNSEEN else ["clean", "clean", *seen])
    return rng.choice(OTHER_WAYS.get(name, (name,)))


def sample(seeds: range, count: int) -> list[int]:
    """The first checks of one arm among the seeds."""
    found: list[int] = []
    for seed in seeds:
        if len(found) == count:
            break
        if len(draw(seed).arms) == 1:
            found.append(seed)
    return found
