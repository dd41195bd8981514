"""Draws one check from a seed: study, arms, restriction, background, address family.

Contract: `draw_check` is a function of its arguments. Five studies share the seeds:

- `null`: no restriction. Mostly the whole default set of arms, over every background with drawn settings.
- `rules`: one restriction (sometimes two) drawn at random over one arm, two apps or all arms, over every background on
  which UDP passes. The arm drawn first is the row's unit: there is one in each row, so rows are independent.
- `speed`: packets of WebRTC's voice (50 a second) dropped in one direction with one of a few probabilities, alone or
  among all arms: how soon it is known. Half of it is on lines for which Wald's bound can be computed.
- `light`: a few of the checks of `null` and `rules`, with the fewer bytes of `check --light`.
- `late`: a restriction that begins late in a call or in the check, acts now and then, or hits whole flows: how often a
  check says `ok` although a call of two minutes would be hit. Most of it is on clean lines.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from random import Random
from typing import Literal, NamedTuple

from proof.scoring.late_onsets import OF_ONE_FLOW, draw_late
from proof.scoring.settings import call_mechanisms, drawn_mechanisms, rule_text
from talkpath.apps import shapes
from talkpath.apps.contract.shape import Arm
from talkpath.experiment.plan import choose_arms
from talkpath.lab.backgrounds import background_kinds
from talkpath.lab.drivers.sim import SIM_PORTS
from talkpath.lab.ground_truth import rule_hits
from talkpath.lab.restrictor import mechanism_kinds, parse_rule
from talkpath.version import VERSION as __version__

Study = Literal["null", "rules", "speed", "late", "light"]

STUDIES: tuple[tuple[Study, float], ...] = (("null", 0.48), ("rules", 0.27), ("speed", 0.1), ("late", 0.15))
LIGHT_SHARE = 0.06  # of the checks of `null` and `rules`
UNSEEN = 0.2  # share of checks on a background that the method was never tuned to
CLOSED_KINDS = ("corporate",)  # backgrounds without a restriction on calls, where the state "closed" is correct
VARIANTS = {"transit_loss": ("transit_loss", "transit_loss,direction=up")}
SPEED_ARM = Arm("webrtc", "dtls", "voice")
DRAWN_EFFECTS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
WALD_LINES = ("clean", "clean", "ge,loss=0.05", "ge,loss=0.15")
DRAWN_APPS = tuple(dict.fromkeys(arm.app for arm in shapes()))
RELEASE_SEEDS = 100_000  # the most checks of a release


@dataclass(frozen=True, slots=True)
class DrawnCheck:
    """One check. `unit` is the arm that the restriction was drawn for; `lateness` and `onset_s` are those of study
    `late` (`late_onsets.LateRule`)."""

    seed: int
    study: Study
    rules: tuple[str, ...]
    background: str
    arms: tuple[Arm, ...]
    unit: Arm
    family: int
    lateness: str = ""
    onset_s: float = 0.0


class Narrow(NamedTuple):
    """Limits what is drawn; "" limits nothing. A rule ("two": two rules), a background, and "one" arm, all arms of
    "two" apps, or "all" default arms. Leave `unseen` backgrounds out while working on the method."""

    rule: str = ""
    background: str = ""
    arms: str = ""
    unseen: bool = True


ANY_CHECK = Narrow()


def first_seed(number: int, version: str = __version__) -> int:
    """Returns the first seed of a release: nobody can have seen its checks before the version was set."""
    digest = hashlib.sha256(f"talkpath {version} draw {number}".encode()).digest()
    return (1 + int.from_bytes(digest[:8], "big") % 1_000_000) * RELEASE_SEEDS


def draw_check(seed: int) -> DrawnCheck:
    """Draws the check of that seed."""
    rng = Random(f"score {seed}")
    (study,) = rng.choices([name for name, _ in STUDIES], [share for _, share in STUDIES])
    drawn = {"null": draw_null, "rules": draw_rules, "speed": _draw_speed, "late": _draw_late}[study](seed, rng)
    light = study in ("null", "rules") and Random(f"light {seed}").random() < LIGHT_SHARE
    return replace(drawn, study="light") if light else drawn


def draw_null(seed: int, rng: Random, narrow: Narrow = ANY_CHECK) -> DrawnCheck:
    """Draws a check without a restriction."""
    many = narrow.arms or rng.choice(("all",) * 8 + ("one", "two"))
    arms = _drawn_arms(rng, many, rng.choice(list(shapes())))
    background = narrow.background or drawn_background(rng, narrow.unseen, closed=True)
    return DrawnCheck(
        seed=seed,
        study="null",
        rules=(),
        background=background,
        arms=arms,
        unit=rng.choice(arms),
        family=rng.choice((4, 4, 6)),
    )


def _draw_speed(seed: int, rng: Random) -> DrawnCheck:
    arms = choose_arms() if rng.random() < 0.4 else (SPEED_ARM,)
    background = rng.choice(WALD_LINES) if rng.random() < 0.5 else drawn_background(rng)
    rule = f"media.drop,direction={rng.choice(('up', 'down'))},p={rng.choice(DRAWN_EFFECTS):g}"
    return DrawnCheck(
        seed=seed,
        study="speed",
        rules=(rule,),
        background=background,
        arms=arms,
        unit=SPEED_ARM,
        family=rng.choice((4, 4, 6)),
    )


def _draw_late(seed: int, rng: Random) -> DrawnCheck:
    """Draws a check whose restriction acts on its unit, late."""
    while True:
        unit = rng.choice([arm for arm in shapes() if arm.medium == "voice"])
        arms = _drawn_arms(rng, rng.choice(("all", "all", "all", "two", "one")), unit)
        late = draw_late(rng, unit)
        drawn = DrawnCheck(
            seed=seed,
            study="late",
            rules=(late.text,),
            background="clean" if rng.random() < 0.7 else drawn_background(rng, unseen_too=False),
            arms=arms,
            unit=unit,
            family=rng.choice((4, 4, 6)),
            lateness=late.kind,
            onset_s=late.onset_s,
        )
        if unit in arms and _rules_act(drawn) and not _begins_anew(drawn):
            return drawn


def _begins_anew(drawn: DrawnCheck) -> bool:
    """Returns whether a freeze late in each flow meets a translator that moves calls to other ports before: to the
    restrictor these are new flows, and it need not act on any."""
    return drawn.background.startswith("nat_rebind") and drawn.lateness in OF_ONE_FLOW


def draw_rules(seed: int, rng: Random, narrow: Narrow = ANY_CHECK) -> DrawnCheck:
    """Draws a check with a restriction that acts on its unit, among those that a check of the arm can detect."""
    while True:
        mechanism = rng.choice(drawn_mechanisms()) if narrow.rule in ("", "two") else mechanism_kinds()[narrow.rule]
        unit = rng.choice(list(shapes()))
        arms = _drawn_arms(rng, narrow.arms or rng.choice(("one", "one", "one", "two", "all")), unit)
        of_calls = mechanism.scope != "any"
        both = of_calls and (narrow.rule == "two" or (not narrow.rule and rng.random() < 0.08))
        rules = [rule_text(rng, mechanism, unit)]
        if both:
            rules.append(rule_text(rng, rng.choice(call_mechanisms()), unit))
        drawn = DrawnCheck(
            seed=seed,
            study="rules",
            rules=tuple(rules),
            background=narrow.background or drawn_background(rng, narrow.unseen),
            arms=arms,
            unit=unit,
            family=rng.choice((4, 4, 6)),
        )
        if unit in arms and _rules_act(drawn) and (both or narrow.rule != "two"):
            return drawn


def _rules_act(drawn: DrawnCheck) -> bool:
    """Returns whether every rule acts on the unit."""
    return all(text and rule_hits([parse_rule(text)], (drawn.unit,), SIM_PORTS) for text in drawn.rules)


def _drawn_arms(rng: Random, many: str, unit: Arm) -> tuple[Arm, ...]:
    """Returns the unit alone; or all arms of its app and of another app, of its medium; or the default arms."""
    if many == "one":
        return (unit,)
    other = rng.choice([app for app in DRAWN_APPS if app != unit.app])
    return choose_arms([unit.app, other] if many == "two" else [], [unit.medium] if many == "two" else ["voice"])


def drawn_background(rng: Random, unseen_too: bool = True, closed: bool = False) -> str:
    """Draws a kind of background, whose settings are drawn from the run's seed. One check in five has a kind that the
    method was never tuned to; among the others, `clean` has three times the weight. Closed ones only if `closed`."""
    unseen = [kind.id for kind in background_kinds().values() if kind.unseen]
    seen = [name for name in background_kinds() if name not in unseen and (closed or name not in CLOSED_KINDS)]
    name = rng.choice(unseen if unseen_too and rng.random() < UNSEEN else ["clean", "clean", *seen])
    return rng.choice(VARIANTS.get(name, (name,)))


def one_arm_seeds(seeds: range, count: int) -> list[int]:
    """Returns the first `count` seeds whose checks have one arm."""
    chosen: list[int] = []
    for seed in seeds:
        if len(chosen) == count:
            break
        if len(draw_check(seed).arms) == 1:
            chosen.append(seed)
    return chosen
