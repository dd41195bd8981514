"""Compares verdicts with the ground truth of the lab: which are right, and what exactly is wrong.

Contract: pure. One `Score` for each (app, medium). Its truth is every rule that hits the variant that the verdict is
about; where no variant is hit, every accusation is false. Directions that a check cannot observe (`UNSEEN`) do not
count.

Finds out which arms a rule really restricts, by replaying the arms' packets through it.

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
from talkpath.apps.contract.shape import Arm, Direction, Shape, Slot
from talkpath.lab.parameters import Value
from talkpath.lab.path.link import DROP, LAB_PROBE, PASS, RESPONDER
from talkpath.lab.restrictor.engine import Restrictor
from talkpath.lab.restrictor.mechanism import TIMETABLE, LabRule
from talkpath.verdict.model import FINDING_STATES, Category, Number, State, Verdict
from talkpath.verdict.rules import all_rules
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

    A reply to a dropped packet is never sent, so it is not hit, nor is a further try of one that passed.
    """
    restrictor = Restrictor((rule,), 0)
    media: dict[Direction, list[bool]] = {"up": [], "down": []}
    setup: dict[Direction, bool] = {"up": False, "down": False}
    unsent: set[int | None] = set()
    packets = _call_packets(shape.arm, int(rule.values.get("port", 3478)), call)
    for number, (at_s, slot, packet) in enumerate(packets):
        direction, stage = slot.direction, slot.stage
        is_answered = slot.retry_of is not None and slot.retry_of not in unsent
        if is_answered or (slot.answers is not None and slot.answers in unsent):
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
def _call_packets(arm: Arm, port: int, number: int) -> list[tuple[float, Slot, bytes]]:
    """(time, slot, IP packet) of half a minute of the arm's call."""
    shape = shapes()[arm]
    schedule = shape.schedule(Random(f"truth {number}"), max(REPLAY_PACKETS, round(REPLAY_S * shape.packet_rate)))
    near, far = Address.of(LAB_PROBE.ipv4, 40000), Address.of(RESPONDER.ipv4, port)
    writers = {"up": UdpWriter(near, far), "down": UdpWriter(far, near)}
    datagrams = shape.datagrams(schedule, bytes(range(32)))
    return [
        (slot.at_ms / 1000, slot, writers[slot.direction].packet(data))
        for slot, data in zip(schedule.slots, datagrams, strict=True)
    ]


# A rule that drops everything up leaves the far end silent, so nobody can observe whether it would drop anything down.
UNSEEN = {
    "dtls.hello_drop": ("up", "both"),  # a call's goes up; the contrasts ask for hellos from the far end too
    "address.block": ("up", "down", "both"),
    "allowlist": ("up", "down", "both"),
}

BROWSERS_HELLOS = ("recorded", "own", "telegram-1.2", "webrtc-1.2", "chromium-1.3", "firefox-1.3")
"""Makers of hellos, as verdicts name them, in which the lab's matcher finds a browser."""


@dataclass(frozen=True, slots=True)
class Score:
    """One verdict with its truth. `hits` is what really acts on this app and medium. `wrong` is empty, or says what is
    wrong: "restricted" or "closed" (a false accusation), "state" (a missed restriction), "unknown" (no rule named),
    "rule", "direction", or the name of a parameter whose interval does not contain the truth."""

    verdict: Verdict
    hits: tuple[RuleHit, ...]
    wrong: tuple[str, ...]

    @property
    def false(self) -> bool:
        """Whether it accuses a network that does not restrict this."""
        return any(word in FINDING_STATES for word in self.wrong)


def score_verdicts(verdicts: Sequence[Verdict], hits: Sequence[RuleHit]) -> list[Score]:
    """Scores every verdict about calls, in order. Messages (medium text) have no ground truth here."""
    return [_score_verdict(verdict, hits) for verdict in verdicts if verdict.medium != "text"]


def _score_verdict(verdict: Verdict, hits: Sequence[RuleHit]) -> Score:
    of_app = [hit for hit in hits if (hit.arm.app, hit.arm.medium) == (verdict.app, verdict.medium)]
    of_variant = tuple(hit for hit in of_app if hit.arm.variant == verdict.variant)
    if verdict.state in FINDING_STATES:
        states = {
            state
            for hit in of_variant
            if hit.rule in all_rules()
            for state in (true_state(hit), *_other_right_state(hit))
        }
        wrong = _wrong_about_rule(verdict, of_variant) if verdict.state in states else (verdict.state,)
        return Score(verdict, of_variant, wrong)
    return Score(verdict, of_variant or tuple(of_app), ("state",) if of_app else ())


def true_state(hit: RuleHit) -> State:
    """The state that a verdict should have: a rule for `closed` that acts on calls alone restricts these."""
    return "restricted" if hit.parameters.get("whose") == "calls" else all_rules()[hit.rule].state


def _other_right_state(hit: RuleHit) -> tuple[State, ...]:
    """The state that is right as well: of `residual`, where an arm's own calls are proven to have ports blocked."""
    return ("restricted",) if hit.rule == "residual" and hit.own else ()


def _wrong_about_rule(verdict: Verdict, hits: Sequence[RuleHit]) -> tuple[str, ...]:
    """What is wrong about rule, direction and parameters, where the state is right. One rule given once for each
    direction acts in both, and the intervals of its parameters must then contain both truths."""
    if verdict.rule == "media.unknown" or verdict.rule is None:
        return ("unknown",)
    same = [hit for hit in hits if hit.rule == verdict.rule]
    if not same:
        return ("rule",)
    if verdict.direction == "both" and {"up", "down"} <= {hit.direction for hit in same}:
        return tuple(dict.fromkeys(name for hit in same for name in _missed_parameters(verdict, hit)))
    wrong = [
        (*(() if _same_direction(verdict, hit) else ("direction",)), *_missed_parameters(verdict, hit)) for hit in same
    ]
    return min(wrong, key=len)


def _same_direction(verdict: Verdict, hit: RuleHit) -> bool:
    alike = UNSEEN.get(hit.rule, ())
    if verdict.direction is None:  # it says that it cannot tell
        return True
    return verdict.direction == hit.direction or (verdict.direction in alike and hit.direction in alike)


def _missed_parameters(verdict: Verdict, hit: RuleHit) -> tuple[str, ...]:
    """Parameters of both verdict and rule whose interval or value does not contain the truth."""
    shared = [name for name in verdict.parameters if name in hit.parameters]
    return tuple(name for name in shared if not _interval_contains(verdict.parameters[name], hit.parameters[name]))


def _interval_contains(printed: Number | Category, true: Value) -> bool:
    if isinstance(printed, Category):
        makers = (code.partition("/")[0] for code in printed.value.split(","))
        values = ["browser" if code in BROWSERS_HELLOS else code for code in makers]
        return str(true) in values or (isinstance(true, float) and f"{true:g}" in values)
    return (printed.low is None or printed.low <= float(true)) and (printed.high is None or float(true) <= printed.high)
