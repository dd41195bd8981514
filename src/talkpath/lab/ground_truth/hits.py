"""Finds out which arms a rule really restricts, by replaying the arms' packets through it.

Ground truth is measured, not declared: each arm's own packets are put through each rule, set to act at once, and the
rule hits the arm if it drops or delays enough of them to matter. So it is what the lab's matchers really do, and arms
whose bytes do not differ are hit together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from statistics import fmean

from talkpath.apps import shapes
from talkpath.apps.contract.shape import Arm, Direction, Shape
from talkpath.lab.parameters import Value
from talkpath.lab.path.hosts import LAB_PROBE, RESPONDER
from talkpath.lab.path.link import DROP, PASS
from talkpath.lab.restrictor.engine import Restrictor
from talkpath.lab.restrictor.mechanism import TIMETABLE, LabRule
from talkpath.wire.ip.address import Address
from talkpath.wire.ip.packets import UdpWriter

TIMETABLE_NAMES = tuple(setting.name for setting in TIMETABLE)
MATTERS = 0.01  # of a direction's media: less than this is no restriction
REPLAY_PACKETS = 100
REPLAY_S = 30.0  # calls of a check live for 25 s: a rate near a call's own drops nothing for the first ten
FEW, CALLS = 0.1, 8  # where so few packets of one call are hit, so many calls are replayed: their rates differ


@dataclass(frozen=True, slots=True)
class RuleHit:
    """One arm that one rule really restricts, and in which direction. `own`: it acts on the arm's own packets, not only
    on what comes after other calls."""

    arm: Arm
    rule: str
    direction: str
    parameters: Mapping[str, Value]
    own: bool = True

    def record(self) -> dict[str, object]:
        """The JSON object of spec/tp-004."""
        arm = self.arm
        return {
            "app": arm.app,
            "variant": arm.variant,
            "medium": arm.medium,
            "rule": self.rule,
            "direction": self.direction,
            "parameters": dict(self.parameters),
        }


def rule_hits(rules: Sequence[LabRule], arms: Sequence[Arm], ports: Sequence[int] = ()) -> list[RuleHit]:
    """All pairs of arm and rule where the rule acts on the arm's packets, in the order of rules, then of arms.

    `ports` are the responder's; a rule about another port does not count.
    """
    return [
        hit
        for rule in rules
        if not ports or "port" not in rule.values or rule.number("port") in ports
        for hit in _arms_hit(rule, arms)
    ]


def _arms_hit(rule: LabRule, arms: Sequence[Arm]) -> list[RuleHit]:
    """The arms that one rule restricts; where it spreads, all of them if it restricts any."""
    by_arm = {arm: _directions_hit(rule, shapes()[arm]) for arm in arms}
    if rule.mechanism.spreads and any(by_arm.values()):
        return [RuleHit(arm, rule.id, "both", _effect_settings(rule), bool(own)) for arm, own in by_arm.items()]
    return [
        RuleHit(arm, rule.id, directions[0] if len(directions) == 1 else "both", _effect_settings(rule))
        for arm, directions in by_arm.items()
        if directions
    ]


def _effect_settings(rule: LabRule) -> dict[str, Value]:
    """The rule's settings, without those that say where it acts and on what (app, medium, direction, addresses)."""
    return {
        key: value
        for key, value in rule.values.items()
        if key not in ("app", "medium", "direction", "to", "hop", *TIMETABLE_NAMES)
    }


def _directions_hit(rule: LabRule, shape: Shape) -> list[str]:
    """The directions in which enough packets are hit to matter: media, or any set-up message."""
    always = {key: value for key, value in rule.values.items() if key not in TIMETABLE_NAMES}
    eager = LabRule(rule.mechanism, {**always, **rule.mechanism.eager})
    p = rule.number("p") if "p" in rule.mechanism.eager else 1.0
    return [direction for direction, share in _share_of_media_hit(eager, shape).items() if share * p >= MATTERS]


def _share_of_media_hit(rule: LabRule, shape: Shape) -> dict[str, float]:
    """For each direction the share of a call's media that the rule drops or delays; 1.0 where it hits set-up.

    A rule about set-up counts by set-up alone. One call is enough where bytes decide; where a rate or a size is near
    the call's own, the mean over several calls counts.
    """
    first = share_of_call(rule, shape, 0)
    if not any(0.0 < share < FEW for share in first.values()):
        return first
    calls = [first, *(share_of_call(rule, shape, number) for number in range(1, CALLS))]
    return {direction: fmean(call[direction] for call in calls) for direction in first}


def share_of_call(rule: LabRule, shape: Shape, number: int) -> dict[str, float]:
    """The same share of one call; calls of different numbers have different packet sizes."""
    media, setup = packets_hit(rule, shape, number)
    return {direction: 1.0 if setup[direction] else sum(hits) / max(1, len(hits)) for direction, hits in media.items()}


def packets_hit(
    rule: LabRule, shape: Shape, call: int = 0
) -> tuple[dict[Direction, list[bool]], dict[Direction, bool]]:
    """For each direction what the rule hits of one call: each packet of its media, and any of its set-up.

    A reply to a dropped packet is never sent, so it is not hit.
    """
    restrictor = Restrictor((rule,), 0)
    media: dict[Direction, list[bool]] = {"up": [], "down": []}
    setup: dict[Direction, bool] = {"up": False, "down": False}
    unsent: set[int | None] = set()
    packets = _call_packets(shape.arm, int(rule.values.get("port", 3478)), call)
    for number, (at_s, direction, stage, answers, packet) in enumerate(packets):
        if answers is not None and answers in unsent:
            unsent.add(number)
            continue
        fate = restrictor.fate(at_s, direction == "up", packet)
        hit = fate != PASS
        if fate == DROP:
            unsent.add(number)
        if stage in ("media", "control"):
            media[direction].append(hit and rule.mechanism.scope != "set-up")
        else:
            setup[direction] = setup[direction] or hit
    return media, setup


@lru_cache(maxsize=64)
def _call_packets(arm: Arm, port: int, number: int) -> list[tuple[float, Direction, str, int | None, bytes]]:
    """(time, direction, stage, number of the packet that it answers, IP packet) of half a minute of the arm's call."""
    shape = shapes()[arm]
    schedule = shape.schedule(Random(f"truth {number}"), max(REPLAY_PACKETS, round(REPLAY_S * shape.packet_rate)))
    near, far = Address.of(LAB_PROBE.ipv4, 40000), Address.of(RESPONDER.ipv4, port)
    writers = {"up": UdpWriter(near, far), "down": UdpWriter(far, near)}
    datagrams = shape.datagrams(schedule, bytes(range(32)))
    return [
        (slot.at_ms / 1000, slot.direction, slot.stage, slot.answers, writers[slot.direction].packet(data))
        for slot, data in zip(schedule.slots, datagrams, strict=True)
    ]
