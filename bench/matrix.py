"""Are the verdicts right? Restrictions drawn at random, played through `sim`, held against the truth of the lab.

    python bench/matrix.py [--runs N] [--quick] [--first SEED] [--rule RULE] [--background B] [--arms one|two|all]
    python bench/matrix.py --one SEED [...]        one run, told in full

A row is a function of its seed: rule, parameters, direction, arm or battery, background, address family. Printed is a
markdown table with exact 95 % intervals (Clopper and Pearson 1934), then every wrong row with the command that plays
it again. All rows go to build/matrix.jsonl as they come.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, NamedTuple

import msgspec
from scipy.stats import beta

from talkpath.apps import shapes
from talkpath.apps.shape import Arm, Schedule
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drive import run_sim
from talkpath.lab.parameters import text_of
from talkpath.lab.restrictor import parse_rule
from talkpath.lab.scenario import Hit, Scenario, truth
from talkpath.lab.score import score
from talkpath.lab.sim import PORTS
from talkpath.verdict.judge import judge
from talkpath.verdict.rules import rules

OUT = Path("build/matrix.jsonl")
QUICK_RUNS, RUNS = 280, 2000
BACKGROUNDS = ("clean", "clean", "ge,loss=0.05", "ge,loss=0.05", "ge", "congestion", "bufferbloat", "reorder", "ecmp",
               "hash", "nat_evict", "nat_rebind", "nat64ports", "police_all", "police_flow", "transit_loss",
               "user_vpn")  # fmt: skip
PLAIN = ("clean", "ge,loss=0.05")
WATCHED_S = 2.5  # a default check looks at a call for so long
BATTERY_PACKETS = 25
TRIES = 20
BURST_BYTES = 3000  # that a policer lets pass first
DIRECTIONS = ("up", "down", "both")
APPS = tuple(dict.fromkeys(arm.app for arm in shapes()))


@dataclass(frozen=True, slots=True)
class Row:
    """One run's settings."""

    seed: int
    rules: tuple[str, ...]
    background: str
    arms: tuple[Arm, ...]
    family: int

    @property
    def group(self) -> str:
        """Of which rule."""
        return "+".join(rule.split(",")[0] for rule in self.rules)


# -- drawing a row -------------------------------------------------------------------------------------------------

Settings = dict[str, float | str]
Draw = Callable[[Random, Arm], Settings]


def _log_uniform(rng: Random, low: float, high: float) -> float:
    return round(low * (high / low) ** rng.random(), 3)


def _drop(rng: Random, arm: Arm) -> Settings:
    p = rng.choice((_log_uniform(rng, 0.1, 0.98), round(rng.uniform(0.1, 0.98), 3)))
    return {"p": p, "onset_packets": rng.choice((0, 0, rng.randint(3, 30)))}


def _freeze(rng: Random, arm: Arm) -> Settings:
    kind = rng.choice(("after_packets", "after_packets", "after_s", "after"))
    residual: Settings = {"residual_s": rng.choice((60, 600))} if rng.random() < 0.15 else {}
    rate = shapes()[arm].packet_rate
    seen = max(2 * BATTERY_PACKETS, 2 * WATCHED_S * rate)
    if kind == "after":
        return {"after": "handshake", **residual}
    if kind == "after_s":
        return {"after_s": round(rng.uniform(0.5, 0.6 * seen / 2 / rate), 2), **residual}
    return {"after_packets": rng.randint(15, int(0.6 * seen)), **residual}


def _schedule(arm: Arm) -> Schedule:
    return shapes()[arm].schedule(Random("bench"), 200)


def _police(rng: Random, arm: Arm) -> Settings:
    slots = [slot for slot in _schedule(arm).slots if slot.stage == "media"]
    ways = [[slot for slot in slots if slot.direction == way] for way in ("up", "down")]
    offered = min(sum(s.size + 28 for s in way) * 8 / max(1.0, way[-1].at_ms - way[0].at_ms) for way in ways)
    passes = 0.85 - BURST_BYTES / (125 * offered * WATCHED_S)  # at most so much, if 15 % is to be lost while watched
    return {"kbps": round(offered * rng.uniform(0.2, max(0.25, passes)), 1) if passes > 0.25 else 0.0}


def _size(rng: Random, arm: Arm) -> Settings:
    sizes = [
        [s.size for s in _schedule(arm).slots if s.stage == "media" and s.direction == way] for way in ("up", "down")
    ]
    over = rng.choice(sizes[0] + sizes[1])
    apart = all(0.1 <= sum(size > over for size in way) / len(way) <= 0.9 for way in sizes)
    return {"over": over if apart else 0}


def _delay(rng: Random, arm: Arm) -> Settings:
    ms = round(rng.uniform(60, 500))
    return {"ms": ms, "jitter_ms": rng.choice((0, round(rng.uniform(0, ms / 3))))}


def _udp_freeze(rng: Random, arm: Arm) -> Settings:
    return {"after_packets": rng.randint(12, 50), **({"residual_s": 600} if rng.random() < 0.2 else {})}


OF_CALLS: dict[str, Draw] = {
    "stun.drop": lambda rng, arm: {},
    "dtls.hello_drop": lambda rng, arm: {"hello": rng.choice(("any", "browser"))},
    "reflector.drop": lambda rng, arm: {},
    "media.drop": _drop,
    "media.freeze": _freeze,
    "media.police": _police,
    "media.size_drop": _size,
    "media.delay": _delay,
}
OF_ALL: dict[str, Draw] = {
    "udp.block": lambda rng, arm: {},
    "port.block": lambda rng, arm: {"port": rng.choice(PORTS)},
    "udp.opaque_drop": lambda rng, arm: {"p": rng.choice((1, 1, round(rng.uniform(0.3, 0.95), 2)))},
    "udp.freeze": _udp_freeze,
    "address.block": lambda rng, arm: {},
    "allowlist": lambda rng, arm: {},
}
WEIGHTS = {"media.drop": 5, "media.freeze": 4, "media.police": 2, "media.size_drop": 2, "media.delay": 2}
KINDS = [kind for kind in (*OF_CALLS, *OF_ALL) for _ in range(WEIGHTS.get(kind, 1))]


class Narrow(NamedTuple):
    """What a row may be, "" for anything: rule, background, "one" arm, all of "two" apps, or "all" of the default."""

    rule: str = ""
    background: str = ""
    arms: str = ""

    def words(self) -> str:
        """As on the command line."""
        return "".join(f" --{name} {value}" for name, value in self._asdict().items() if value)


def draw(seed: int, narrow: Narrow) -> Row:
    """The row of that seed. What a single check cannot see in an arm is not drawn for it."""
    rng = Random(f"matrix {seed}")
    while True:
        kind = rng.choice(KINDS) if narrow.rule in ("", "two") else narrow.rule
        arm = rng.choice(list(shapes()))
        arms = _arms(rng, narrow.arms or rng.choice(("one", "one", "one", "two", "all")), arm)
        rule = _rule(rng, kind, arm)
        both = kind in OF_CALLS and (narrow.rule == "two" or (not narrow.rule and rng.random() < 0.08))
        second = (_rule(rng, rng.choice(list(OF_CALLS)), arm),) if both else ()
        weather, family = narrow.background or rng.choice(BACKGROUNDS), rng.choice((4, 4, 6))
        row = Row(seed, (rule, *second), weather, arms, family)
        acts = all(text and truth([parse_rule(text)], (arm,), PORTS) for text in row.rules)
        if acts and arm in arms and (second or narrow.rule != "two"):
            return row


def _arms(rng: Random, many: str, arm: Arm) -> tuple[Arm, ...]:
    if many == "one":
        return (arm,)
    other = rng.choice([app for app in APPS if app != arm.app])
    return choose_arms([arm.app, other] if many == "two" else [], [arm.medium] if many == "two" else ["voice"])


def _rule(rng: Random, kind: str, arm: Arm) -> str:
    settings: Settings = {"direction": rng.choice(DIRECTIONS)}
    if kind in OF_CALLS and rng.random() < 0.6:
        settings["app"] = arm.app
        if kind.startswith("media.") and rng.random() < 0.3:
            settings["medium"] = arm.medium
    for _ in range(TRIES):
        drawn = (OF_CALLS | OF_ALL)[kind](rng, arm)
        if 0 not in (drawn.get("kbps"), drawn.get("over")):
            return text_of(kind, settings | drawn)
    return ""


# -- playing it ----------------------------------------------------------------------------------------------------


def play(row: Row) -> dict[str, Any]:
    """What came of it, as it goes to the file."""
    scenario = Scenario.parse(row.background, row.rules, row.seed, row.family)
    facts = run_sim(make_plan(row.arms), scenario)
    hits = truth(scenario.rules, row.arms, PORTS)
    scores = score(judge(facts), hits)
    return {
        "seed": row.seed, "group": row.group, "rules": row.rules, "background": row.background, "m": len(row.arms),
        "arms": [str(arm) for arm in row.arms], "family": row.family,
        "seconds": facts.duration_s, "bytes": facts.bytes_sent + facts.bytes_received,
        "truth": [_told(hit) for hit in hits],
        "scores": [{"app": s.verdict.app, "variant": s.verdict.variant, "medium": s.verdict.medium,
                    "state": s.verdict.state, "rule": s.verdict.rule, "direction": s.verdict.direction,
                    "parameters": msgspec.to_builtins(s.verdict.parameters), "log10_e": s.verdict.log10_e,
                    "known_at_s": s.verdict.known_at_s, "decided_at_s": s.verdict.decided_at_s,
                    "reason": msgspec.to_builtins(s.verdict.reason), "alternatives": s.verdict.alternatives,
                    "hit": bool(s.hits), "wrong": s.wrong, "wanted": [rules()[h.rule].state for h in s.hits]}
                   for s in scores],
    }  # fmt: skip


def _told(hit: Hit) -> str:
    return f"{hit.arm} {hit.rule} {hit.direction} {dict(hit.parameters)}"


def _play_seed(task: tuple[int, Narrow]) -> dict[str, Any]:
    return play(draw(*task))


def play_all(tasks: list[tuple[int, Narrow]]) -> Iterator[dict[str, Any]]:
    """On two processes, in order of seeds."""
    with Pool(2, initializer=os.nice, initargs=(10,)) as pool:
        yield from pool.imap(_play_seed, tasks, chunksize=2)


# -- telling -------------------------------------------------------------------------------------------------------


def exact(count: int, total: int) -> str:
    """Share with its 95 % interval."""
    if not total:
        return "–"
    low = beta.ppf(0.025, count, total - count + 1) if count else 0.0
    high = beta.ppf(0.975, count + 1, total - count) if count < total else 1.0
    return f"{count}/{total} [{low:.2f}, {high:.2f}]"


def table(records: Iterable[dict[str, Any]]) -> list[str]:
    """One line for each rule and kind of background; arms that were hit, then those that were not."""
    found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for record in records:
        place = record["background"] if record["background"] in PLAIN else "others"
        group = "two rules" if "+" in record["group"] else record["group"]
        for one in record["scores"]:
            found.setdefault((place, group, _many(record["m"])), []).append({**record, **one})
    lines = ["| background | rule | arms | hit: state right | of these: rule | direction | parameters | known s "
             "| decided s | MB (medians) | not hit: said restricted or closed |",
             "|---|---|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    order = {place: rank for rank, place in enumerate((*PLAIN, "others"))}
    for key in sorted(found, key=lambda key: (order[key[0]], key[1:])):
        lines.append("| " + " | ".join((*key, *_cells(found[key]))) + " |")
    return lines


def _many(arms: int) -> str:
    return "one" if arms == 1 else "all" if arms == len(choose_arms()) else "two apps"


def _cells(rows: list[dict[str, Any]]) -> list[str]:
    hit, clear = [row for row in rows if row["hit"]], [row for row in rows if not row["hit"]]
    right = [row for row in hit if row["state"] in row["wanted"]]
    named = [row for row in right if not {"rule", "unknown"} & set(row["wrong"])]
    straight = [row for row in named if "direction" not in row["wrong"]]
    held = [row for row in named if not set(row["wrong"]) - {"direction"}]
    false = [row for row in rows if {"restricted", "closed", "unreachable"} & set(row["wrong"])]
    return [
        exact(len(right), len(hit)),
        exact(len(named), len(right)),
        exact(len(straight), len(named)),
        exact(len(held), len(named)),
        _median(row["known_at_s"] for row in right),
        _median(row["decided_at_s"] for row in right),
        _median(row["bytes"] / 1e6 for row in right),
        exact(len(false), len(clear)) if clear else str(len(false)),
    ]


def _median(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{median(known):.2f}" if known else "–"


def command(record: dict[str, Any], narrow: Narrow) -> str:
    """What plays the row again."""
    return f"python bench/matrix.py --one {record['seed']}{narrow.words()}"


def tell_wrong(records: Iterable[dict[str, Any]], narrow: Narrow) -> Iterator[str]:
    """Every wrong row."""
    for record in records:
        bad = [one for one in record["scores"] if one["wrong"]]
        if bad:
            said = "; ".join(
                f"{one['app']}/{one['variant']}/{one['medium']} {one['state']} {one['rule']} {one['direction']} "
                f"{_short(one['parameters'])} wrong: {','.join(one['wrong'])}"
                for one in bad
            )
            setting = f"{' + '.join(record['rules'])} | {record['background']} | m={record['m']} {record['arms'][0]}"
            yield f"- `{command(record, narrow)}` {setting} IPv{record['family']}: {said}"


def _short(parameters: dict[str, Any]) -> str:
    return " ".join(
        f"{name}={value['value'] if 'value' in value else _interval(value)}" for name, value in parameters.items()
    )


def _interval(value: dict[str, float | None]) -> str:
    low, middle, high = ("–" if value[k] is None else f"{value[k]:.3g}" for k in ("low", "estimate", "high"))
    return f"{middle} [{low}, {high}]"


def summary(records: list[dict[str, Any]]) -> list[str]:
    """Totals in words."""
    words = Counter(word for record in records for one in record["scores"] for word in one["wrong"])
    hit = [one for record in records for one in record["scores"] if one["hit"]]
    right = sum(one["state"] in one["wanted"] for one in hit)
    return [f"{len(records)} runs, {len(hit)} arms hit, state right {exact(right, len(hit))}; wrong: {dict(words)}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_RUNS} runs, at most three minutes")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--rule", default="", choices=["", "two", *OF_CALLS, *OF_ALL])
    parser.add_argument("--background", default="")
    parser.add_argument("--one", type=int)
    parser.add_argument("--arms", default="", choices=["", "one", "two", "all"])
    chosen = parser.parse_args()
    narrow = Narrow(chosen.rule, chosen.background, chosen.arms)
    if chosen.one is not None:
        sys.stdout.write(json.dumps(play(draw(chosen.one, narrow)), indent=1) + "\n")
        return
    count = QUICK_RUNS if chosen.quick else chosen.runs
    tasks = [(seed, narrow) for seed in range(chosen.first, chosen.first + count)]
    OUT.parent.mkdir(exist_ok=True)
    records = []
    with OUT.open("w") as out:
        for record in play_all(tasks):
            records.append(json.loads(json.dumps(record)))
            out.write(json.dumps(record) + "\n")
            out.flush()
    sys.stdout.write("\n".join([*table(records), "", *summary(records), "", *tell_wrong(records, narrow)]) + "\n")


if __name__ == "__main__":
    main()
