"""The settings of a restriction, drawn at random: each rule's ranges, and which rules are drawn how often.

Contract: a function of the dice alone. `setting` gives a rule as text, "" where the dice asked for what cannot act on
the arm in a check's time (a limit above what the call sends): such a draw is thrown again.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from talkpath.apps import shapes
from talkpath.apps.contract.shape import Arm, Schedule
from talkpath.lab.drivers.sim import PORTS
from talkpath.lab.matchers import APPS
from talkpath.lab.parameters import text_of

Settings = dict[str, float | str]
Draw = Callable[[Random, Arm], Settings]

WATCHED_S = 2.5  # a default check looks at a call for so long
BATTERY_PACKETS = 25
TRIES = 20
BURST_BYTES = 3000  # that a policer lets pass first
LEAST_P, MOST_P = 0.02, 0.98
DIRECTIONS = ("up", "down", "both")


def setting(rng: Random, kind: str, arm: Arm) -> str:
    """The rule `kind` with settings under which it acts on the arm, as text."""
    settings: Settings = {"direction": rng.choice(DIRECTIONS)}
    if kind in OF_CALLS and rng.random() < 0.6 and arm.app in APPS:
        settings["app"] = arm.app
        if kind.startswith("media.") and rng.random() < 0.3:
            settings["medium"] = arm.medium
    for _ in range(TRIES):
        drawn = (OF_CALLS | OF_ALL)[kind](rng, arm)
        if 0 not in (drawn.get("kbps"), drawn.get("over")):
            return text_of(kind, settings | drawn)
    return ""


def _log_uniform(rng: Random, low: float, high: float) -> float:
    return round(float(low * (high / low) ** rng.random()), 3)


def _nothing(rng: Random, arm: Arm) -> Settings:
    return {}


def _hello(rng: Random, arm: Arm) -> Settings:
    return {"hello": rng.choice(("any", "browser"))}


def _drop(rng: Random, arm: Arm) -> Settings:
    return {"p": _log_uniform(rng, LEAST_P, MOST_P), "onset_packets": rng.choice((0, 0, 0, rng.randint(3, 30)))}


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
    media = [slot for slot in _schedule(arm).slots if slot.stage == "media"]
    sizes = [[slot.size for slot in media if slot.direction == way] for way in ("up", "down")]
    over = rng.choice(sizes[0] + sizes[1])
    apart = all(0.1 <= sum(size > over for size in way) / len(way) <= 0.9 for way in sizes)
    return {"over": over if apart else 0}


def _delay(rng: Random, arm: Arm) -> Settings:
    ms = round(rng.uniform(60, 500))
    return {"ms": ms, "jitter_ms": rng.choice((0, round(rng.uniform(0, ms / 3))))}


def _port(rng: Random, arm: Arm) -> Settings:
    return {"port": rng.choice(PORTS)}


def _opaque(rng: Random, arm: Arm) -> Settings:
    return {"p": rng.choice((1, 1, round(rng.uniform(0.3, 0.95), 2)))}


def _udp_freeze(rng: Random, arm: Arm) -> Settings:
    return {"after_packets": rng.randint(12, 50), **({"residual_s": 600} if rng.random() < 0.2 else {})}


OF_CALLS: dict[str, Draw] = {
    "stun.drop": _nothing,
    "dtls.hello_drop": _hello,
    "reflector.drop": _nothing,
    "media.drop": _drop,
    "media.freeze": _freeze,
    "media.police": _police,
    "media.size_drop": _size,
    "media.delay": _delay,
}
OF_ALL: dict[str, Draw] = {
    "udp.block": _nothing,
    "port.block": _port,
    "udp.opaque_drop": _opaque,
    "udp.freeze": _udp_freeze,
    "address.block": _nothing,
    "allowlist": _nothing,
}
WEIGHTS = {"media.drop": 5, "media.freeze": 4, "media.police": 2, "media.size_drop": 2, "media.delay": 2}
KINDS = tuple(kind for kind in (*OF_CALLS, *OF_ALL) for _ in range(WEIGHTS.get(kind, 1)))
