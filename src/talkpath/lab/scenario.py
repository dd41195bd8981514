"""A lab run's settings as text, and the truth about them.

The truth is not declared but found out: each arm's own packets are put through each rule, set to act at once, and the
rule hits the arm if it drops or delays enough of them to matter. So what the lab says that it did is what its matchers
do, and arms that no byte tells apart fall together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from statistics import fmean

from talkpath.apps import shapes
from talkpath.apps.contract.shape import Arm, Direction, Shape
from talkpath.lab.backgrounds import kinds, parse_background
from talkpath.lab.backgrounds.background import Background
from talkpath.lab.parameters import Value
from talkpath.lab.path.hosts import PROBE, RESPONDER
from talkpath.lab.path.network import Network
from talkpath.lab.path.routers import Path
from talkpath.lab.restrictor import mechanisms, parse_rule
from talkpath.lab.restrictor.engine import Restrictor
from talkpath.lab.restrictor.flow import DROP, PASS
from talkpath.lab.restrictor.mechanism import Rule
from talkpath.wire.ip.address import Address
from talkpath.wire.ip.packets import UdpWriter

__all__ = ["Hit", "Scenario", "kinds", "mechanisms", "parse_background", "parse_rule", "truth"]

MATTERS = 0.01  # of a direction's media (DESIGN section 4: a finding must matter)
REPLAY_PACKETS = 100
REPLAY_S = 10.0
FEW, CALLS = 0.1, 8  # where so few packets of one call are hit, so many calls are looked at: their rates differ


@dataclass(frozen=True, slots=True)
class Scenario:
    """One lab run's network: what `lab run` was told."""

    background: Background = field(default_factory=lambda: parse_background("clean"))
    rules: tuple[Rule, ...] = ()
    seed: int = 0
    family: int = 4
    path: Path | None = None

    @classmethod
    def parse(cls, background: str, rules: Sequence[str], seed: int = 0, family: int = 4,
              path: str | None = None) -> Scenario:  # fmt: skip
        """From the command line's words; `UsageError` names what is unknown."""
        routers = None if path is None else Path.parse(path)
        return cls(parse_background(background), tuple(parse_rule(text) for text in rules), seed, family, routers)

    def network(self) -> Network:
        """A fresh network."""
        return Network(self.background, self.rules, self.seed, self.path)


@dataclass(frozen=True, slots=True)
class Hit:
    """One arm that one rule restricts. `direction`: which of its packets really are."""

    arm: Arm
    rule: str
    direction: str
    parameters: Mapping[str, Value]

    def record(self) -> dict[str, object]:
        """As tp-004 has it."""
        arm = self.arm
        return {
            "app": arm.app,
            "variant": arm.variant,
            "medium": arm.medium,
            "rule": self.rule,
            "direction": self.direction,
            "parameters": dict(self.parameters),
        }


def truth(rules: Sequence[Rule], arms: Sequence[Arm], ports: Sequence[int] = ()) -> list[Hit]:
    """All (arm, rule) where the rule acts on the arm's packets, in the order of rules, then of arms.

    `ports` are the responder's, where a rule about another port must not count.
    """
    return [
        Hit(arm, rule.id, ways[0] if len(ways) == 1 else "both", _parameters(rule))
        for rule in rules
        if not ports or "port" not in rule.values or rule.number("port") in ports
        for arm in arms
        if (ways := _ways(rule, shapes()[arm]))
    ]


def _parameters(rule: Rule) -> dict[str, Value]:
    """The rule's own settings, without those that say whom and which way it hits."""
    return {key: value for key, value in rule.values.items() if key not in ("app", "medium", "direction")}


def shares(rule: Rule, arm: Arm, packets: Mapping[Direction, Sequence[int]]) -> dict[str, float]:
    """For each direction the share of the arm's media, keepalives included, that the rule acts on where it drops by
    chance, over calls of so many `packets` each: what passes before a call is known, and what is spared, is not."""
    certain = Rule(rule.mechanism, {**rule.values, "p": 1.0})
    found = _fates(certain, shapes()[arm])[0] if rule.mechanism.scope == "call" and "p" in rule.values else {}
    return {
        way: sum(sum(hits[:count]) for count in packets[way]) / max(1, sum(min(len(hits), n) for n in packets[way]))
        for way, hits in found.items()
    }


def _ways(rule: Rule, shape: Shape) -> list[str]:
    """The directions in which enough packets are hit to matter: media, or any set-up message."""
    eager = Rule(rule.mechanism, {**rule.values, **rule.mechanism.eager})
    p = rule.number("p") if "p" in rule.mechanism.eager else 1.0
    return [way for way, share in _replay(eager, shape).items() if share * p >= MATTERS]


def _replay(rule: Rule, shape: Shape) -> dict[str, float]:
    """For each direction the share of a call's media that the rule drops or delays; 1.0 where it hits set-up.

    A rule about set-up is told by set-up alone. One call tells what bytes trigger; where a rate or a size is near the
    call's own, the mean over several calls counts.
    """
    first = _share(rule, shape, 0)
    if not any(0.0 < share < FEW for share in first.values()):
        return first
    calls = [first, *(_share(rule, shape, number) for number in range(1, CALLS))]
    return {way: fmean(call[way] for call in calls) for way in first}


def _share(rule: Rule, shape: Shape, number: int) -> dict[str, float]:
    media, setup = _fates(rule, shape, number)
    return {way: 1.0 if setup[way] else sum(hits) / max(1, len(hits)) for way, hits in media.items()}


def _fates(rule: Rule, shape: Shape, call: int = 0) -> tuple[dict[Direction, list[bool]], dict[Direction, bool]]:
    """For each direction what the rule hits of one call: each packet of its media, and any of its set-up.

    A reply to what was dropped is never sent, so it is not hit.
    """
    restrictor = Restrictor((rule,), 0)
    media: dict[Direction, list[bool]] = {"up": [], "down": []}
    setup: dict[Direction, bool] = {"up": False, "down": False}
    gone: set[int | None] = set()
    packets = _call(shape.arm, int(rule.values.get("port", 3478)), call)
    for number, (at_s, way, stage, answers, packet) in enumerate(packets):
        if answers is not None and answers in gone:
            gone.add(number)
            continue
        fate = restrictor.fate(at_s, way == "up", packet)
        hit = fate != PASS
        if fate == DROP:
            gone.add(number)
        if stage in ("media", "control"):
            media[way].append(hit and rule.mechanism.scope != "set-up")
        else:
            setup[way] = setup[way] or hit
    return media, setup


@lru_cache(maxsize=64)
def _call(arm: Arm, port: int, number: int) -> list[tuple[float, Direction, str, int | None, bytes]]:
    """(when, which way, stage, number of the packet it answers, IP packet) of ten seconds of a call of the arm."""
    shape = shapes()[arm]
    schedule = shape.schedule(Random(f"truth {number}"), max(REPLAY_PACKETS, round(REPLAY_S * shape.packet_rate)))
    near, far = Address.of(PROBE.ipv4, 40000), Address.of(RESPONDER.ipv4, port)
    writers = {"up": UdpWriter(near, far), "down": UdpWriter(far, near)}
    datagrams = shape.datagrams(schedule, bytes(range(32)))
    return [
        (slot.at_ms / 1000, slot.direction, slot.stage, slot.answers, writers[slot.direction].packet(data))
        for slot, data in zip(schedule.slots, datagrams, strict=True)
    ]
