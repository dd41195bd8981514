"""Draws networks for the questions to an app's own addresses: innocent ones, and ones with a rule.

Innocent trouble is what looks most like a rule: ways that part and differ, several equal ways of which some are bad,
next hops that are chosen by the destination and never answer, of which one loses packets (behind it lie those that a
coin chose, or the app's servers and no others),
a server that is overloaded or down, answers that are lost on a way back of their own, a path that changes. Rules are
bound to the shape of calls, to the app's addresses, or to both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from talkpath.lab.backgrounds import background_kinds, parse_background
from talkpath.lab.own_addresses import OwnAddressCase, WaySettings, WayTo
from talkpath.lab.restrictor import parse_rule

ASKED_APPS = ("telegram", "signal", "meet")
ANSWERS_PER_S = (0.0, 500.0, 100.0, 50.0, 20.0, 10.0, 5.0, 1.0)
"""How many a router sends; 0: as many as asked. Linux's own limit is the last."""
ENOUGH_ANSWERS_PER_S = (0.0, 500.0, 100.0, 50.0, 20.0, 10.0, 6.0)
WAY_TROUBLES = (
    "none",
    "way_back",
    "equal_ways",
    "bundle",
    "own_way",
    "by_address",
    "app_routes",
    "busy",
    "one_down",
    "all_down",
    "change",
)
BOUND_RULES: dict[str, tuple[str, ...]] = {
    "shape": ("media.drop,app={app},p={p}", "media.freeze,app={app},after_packets={packets}", "stun.drop"),
    "both": (
        "media.drop,app={app},to=app,p={p}",
        "media.freeze,app={app},to=app,after_packets={packets}",
        "stun.drop,app={app},to=app",
    ),
    "address": (
        "media.drop,app={app},to=app,whose=any,p={p}",
        "udp.freeze,app={app},to=app,after_packets={packets}",
        "address.block,app={app},to=app",
    ),
}


@dataclass(frozen=True, slots=True)
class DrawnCase:
    """A case, and what is true of it: the `trouble`, or the rule's id and what it is bound to; the restrictor is before
    router `at`."""

    case: OwnAddressCase
    background: str
    answers_per_s: float
    trouble: str = "none"
    rule: str = ""
    bound: str = ""
    at: int = 0


def draw_innocent(seed: int) -> DrawnCase:
    """Draw a network without a rule: any background, any limit of answers, any trouble."""
    rng = Random(f"innocent own addresses {seed}")
    background, rate, trouble = (
        rng.choice(sorted(background_kinds())),
        rng.choice(ANSWERS_PER_S),
        rng.choice(WAY_TROUBLES),
    )
    servers, neutral = rng.choice((1, 2, 3, 3)), rng.choice((1, 2, 3, 3))
    ways = _drawn_ways(rng, rate, servers, neutral, trouble)
    case = OwnAddressCase(
        seed,
        parse_background(background),
        ways,
        app=rng.choice(ASKED_APPS),
        family=rng.choice((4, 6)),
        servers=servers,
        neutral=neutral,
    )
    return DrawnCase(case, background, rate, trouble)


def draw_restricted(seed: int, backgrounds: tuple[str, ...]) -> DrawnCase:
    """Draw a network with a rule, where routers answer at least five times a second."""
    rng = Random(f"restricted own addresses {seed}")
    bound = rng.choice(sorted(BOUND_RULES))
    app, background, rate = rng.choice(ASKED_APPS), rng.choice(backgrounds), rng.choice(ENOUGH_ANSWERS_PER_S)
    values = {"app": app, "p": round(rng.uniform(0.3, 0.95), 2), "packets": rng.randint(8, 28)}
    rule = parse_rule(rng.choice(BOUND_RULES[bound]).format(**values))
    servers, neutral = rng.choice((2, 3)), rng.choice((2, 3))
    ways = _drawn_ways(rng, rate, servers, neutral, "none")
    case = OwnAddressCase(
        seed,
        parse_background(background),
        ways,
        (rule,),
        app=app,
        family=rng.choice((4, 6)),
        servers=servers,
        neutral=neutral,
    )
    return DrawnCase(case, background, rate, "none", rule.id, bound, ways.at)


def _drawn_ways(rng: Random, rate: float, servers: int, neutral: int, trouble: str) -> WaySettings:
    names = [f"relay{n}" for n in range(1, servers + 1)]
    every = names + [f"neutral{n}" for n in range(1, neutral + 1)]
    trunk = rng.randint(3, 6)
    base = {name: WayTo(routers=rng.randint(3, 6)) for name in every}
    amiss = _troubled_ways(rng, trouble, names, every, trunk, base)
    return WaySettings(
        trunk=trunk,
        at=rng.randint(2, 3),
        icmp_per_s=rate,
        silent=frozenset(hop for hop in range(2, trunk) if rng.random() < 0.15),
        silent_branches=frozenset(name for name in every if rng.random() < 0.3),
        changes_s=rng.uniform(5.0, 60.0) if trouble == "change" else float("inf"),
        changed_from=rng.randint(2, trunk),
        to=base | amiss,
    )


def _troubled_ways(
    rng: Random, trouble: str, names: list[str], every: list[str], trunk: int, base: dict[str, WayTo]
) -> dict[str, WayTo]:
    """The ways on which something is amiss. Where it is one server's, it is the app's first."""
    first, routers = names[0], base[names[0]].routers
    loss, members = rng.uniform(0.1, 1.0), rng.randint(2, 4)
    bad = rng.randint(1, members - 1)
    split = WayTo(routers, split_at=rng.randint(2, trunk), members=members, bad_members=bad, loss=loss)
    match trouble:
        case "way_back":
            return {name: WayTo(base[name].routers, lost_back=rng.uniform(0.0, 0.1)) for name in every}
        case "equal_ways":
            return {first: split}
        case "bundle":
            return {first: replace(split, hidden=True)}
        case "own_way":
            own = rng.randint(2, trunk)
            return {first: WayTo(routers, split_at=own, bad_members=1, loss=loss, other_from=own)}
        case "by_address" | "app_routes":
            behind = names if trouble == "app_routes" else [name for name in every if rng.random() < 0.5]
            return {
                name: replace(base[name], split_at=rng.randint(2, trunk), bad_members=1, loss=loss) for name in behind
            }
        case "busy":
            busy = rng.uniform(0.1, 0.7)
            return {name: WayTo(base[name].routers, busy=busy) for name in names}
        case "one_down":
            return {first: WayTo(routers, dead=True)}
        case "all_down":
            return {name: WayTo(base[name].routers, dead=True) for name in names}
    return {}
