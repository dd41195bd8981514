"""Locates where on the path a restriction acts: between the last hop that calls reach and the first that they do not.

Contract: pure. `next_hop` chooses what to measure next, `locate_restriction` evaluates the facts. Twins show which
routers answer, and how far away the other end is. A hop is *clear* if packets of calls that expire there are answered
like those of twins, *hit* if fewer are (`hop_loss`, 99 % each). The reference is packets of the same kind without a
limit: these must be hit, otherwise the restriction did not act during the measurement and there is no result. Hops are
counted from the sender, for "down" from the far end: the number of routers is not known well enough to count from the
receiver.

Limits (docs/why/2026-11-24-hops.md): routers that answer nothing; a router that resets the hop limit of packets (all
beyond it is "between it and the other end"); a restriction that delays packets and drops none.

Estimates how many more packets of calls than of twins go unanswered when packets may go only so many hops.

A packet with a limit of h hops is *answered* if the router at that hop sends Time Exceeded, or if the packet reaches
the other end. The interval is that of `statistics.answer_loss`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Literal, NamedTuple

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from talkpath.apps.contract.shape import Arm, Direction
from talkpath.measure.bitmap import unpack_bitmap
from talkpath.measure.facts import LADDER, ArmPlan, Epoch, Facts, Observation, Track
from talkpath.verdict.assess import assess_arm
from talkpath.verdict.assessment import Assessment
from talkpath.verdict.model import Category, Number, PlannedEpoch
from talkpath.verdict.statistics.answer_loss import Tally, answer_loss
from talkpath.wire.control.question import HopLimits, PacketStage


class HopLoss(Struct, frozen=True):
    """The extra share of calls' packets that went unanswered, `low` to `high` at 99 %; `answered` is the share of
    twins' packets that were answered. `tries`: epochs; `router`: the kind of router that answered, "" for none."""

    hops: int
    low: float
    high: float
    answered: float
    tries: int
    router: str


def hop_loss(epochs: Sequence[Epoch], direction: Direction, hops: int, seed: bytes) -> HopLoss:
    """Estimate the loss at that number of hops from all these epochs of one arm together."""
    rounds = [tally for epoch in epochs if (tally := _hop_tally(epoch, direction, hops)) is not None]
    twins = [(tally.answered[~tally.calls].sum(), tally.sent[~tally.calls].sum()) for tally in rounds]
    answered, sent = (float(sum(part)) for part in zip(*twins, strict=True)) if twins else (0.0, 0.0)
    kinds = {flow.router for epoch in epochs for flow in _limited_flows(epoch, direction, hops)} - {""}
    router = min(kinds, default="", key=("home", "provider", "public").index)
    low, high = answer_loss(rounds, seed)
    return HopLoss(hops, low, high, answered / sent if sent else 0.0, len(rounds), router)


def _limited_flows(epoch: Epoch, direction: Direction, hops: int) -> list[Observation]:
    return [flow for flow in epoch.flows if flow.direction == direction and flow.limited and flow.hops == hops]


def _hop_tally(epoch: Epoch, direction: Direction, hops: int) -> Tally | None:
    flows = [] if epoch.missing else _limited_flows(epoch, direction, hops)
    track = epoch.up if direction == "up" else epoch.down
    counts = np.array([_answered_counts(flow, track) for flow in flows], np.float64).reshape(-1, 2)
    heard = counts[:, 0] > 0
    calls = np.array([flow.role == "call" for flow in flows], np.bool_)[heard]
    if not calls.any() or calls.all():
        return None
    return Tally(calls, counts[heard, 0], counts[heard, 1], f"{epoch.arm}/{epoch.number}/{direction}/{hops}")


def _answered_counts(flow: Observation, track: Track) -> tuple[int, int]:
    """Return (limited packets that were sent, those answered)."""
    size = len(track.stage)
    left = unpack_bitmap(flow.sent, size) & unpack_bitmap(flow.limited, size)
    sent, came = int(left.sum()), int((left & unpack_bitmap(flow.arrived, size)).sum())
    return sent, min(sent, came + flow.exceeded)


Why = Literal["", "nothing_restricted", "delays_only", "no_way", "not_shown", "no_answers", "contradiction", "budget"]

K, FEW_K, LADDER_K = 6, 3, 3
PACKETS, LADDER_PACKETS, SET_UP_PACKETS, MOST_PACKETS = 60, 100, 30, 600
TRIES, PATIENT, IN_A_ROW = 5, 12, 6  # epochs a hop: to narrow a place, to find one, and in a row
HOPS_AT_ONCE = 3
USUAL_P, LONGEST = 0.4, 4  # where calls lose less than this they are made longer, at most by this factor
# of the packets that expire at a router: one that answers fewer is asked for longer, and alone
MIN_ANSWERED_SHARE = 0.5
SILENT_HOP_SHARE = 0.02  # likewise: one that answers fewer counts as silent
STAGES_OF_RULES: dict[str, tuple[PacketStage, ...]] = {
    "stun.drop": ("stun", "allocate"),
    "dtls.hello_drop": ("dtls",),
    "reflector.drop": ("reflector",),
}


class HopQuestion(NamedTuple):
    """A question about one arm and direction, and what decides whose turn it is: whether a place is named, and how many
    epochs were asked before."""

    named: bool
    epochs: int
    question: PlannedEpoch | None


class Place(Struct, frozen=True):
    """Where the restriction of one arm acts in one direction: behind router `after` and before router `by`, as the
    sender counts them ("up": from the user's machine, "down": from the test server).

    `after` 0 is the sender itself, `by` None the receiver; `located` where no known router lies in between. With a
    reason `why` there is neither. `routers`: how many there seem to be; `kinds`: of those that answered.
    """

    app: str
    variant: str
    medium: str
    rule: str | None
    direction: Direction
    after: int | None = None
    by: int | None = None
    located: bool = False
    routers: int | None = None
    why: Why = ""
    kinds: dict[int, str] = {}
    hops: tuple[HopLoss, ...] = ()


def locate_restriction(facts: Facts, arm: ArmPlan) -> list[Place]:
    """Return a place for each direction in which the arm is restricted, or one with a reason if there is none."""
    found = assess_arm(facts, arm)
    rule = found.explanation.rule if found.explanation else None
    if found.state != "restricted" or rule is None:
        return [_without_place(found, None, "up", "nothing_restricted")]
    if rule == "media.delay":
        return [_without_place(found, rule, direction, "delays_only") for direction in _hit_directions(found)]
    return [_place_of(facts, found, rule, direction) for direction in _hit_directions(found)]


def next_hop(facts: Facts, arms: Sequence[ArmPlan]) -> PlannedEpoch | None:
    """Choose the next question about restricted arms; None when nothing more is worth its bytes.

    Every arm and direction gets a place before any place is narrowed, and they take turns.
    """
    wanted: list[HopQuestion] = []
    for arm in arms:
        found = assess_arm(facts, arm)
        rule = found.explanation.rule if found.explanation else None
        if found.state == "restricted" and rule is not None and rule != "media.delay":
            turns = (_next_for_direction(facts, found, rule, direction) for direction in _hit_directions(found))
            wanted += (turn for turn in turns if turn is not None)
    return min(wanted, key=lambda turn: turn[:2], default=HopQuestion(True, 0, None)).question


def _hit_directions(found: Assessment) -> tuple[Direction, ...]:
    best = found.explanation.best if found.explanation else None
    direction = best.direction if best else "both"
    return ("up", "down") if direction == "both" else (direction,)


def _limited_epochs(facts: Facts, arm: Arm, direction: Direction) -> list[Epoch]:
    """Return the arm's epochs that limited hops in that direction."""
    mine = [e for e in facts.epochs if isinstance(e.question, HopLimits) and e.arm == arm and not e.missing]
    return [e for e in mine if any(flow.limited and flow.direction == direction for flow in e.flows)]


def _place_of(facts: Facts, found: Assessment, rule: str, direction: Direction) -> Place:
    named = _without_place(found, rule, direction)
    epochs = _limited_epochs(facts, found.arm, direction)
    end = _far_end(epochs, direction)
    if end is None:
        return replace(named, why="no_way" if epochs else "budget")
    seen = {
        hops: hop_loss(epochs, direction, hops, facts.seed)
        for hops in sorted(
            {flow.hops for epoch in epochs for flow in epoch.flows if flow.direction == direction and flow.hops} | {end}
        )
    }
    named = _with_hops(named, seen, end)
    far = seen[end]
    hit = [hops for hops, one in seen.items() if hops < end and one.low > 0.0]
    clear = [hops for hops, one in seen.items() if hops < end and one.high < far.low]
    if far.low <= 0.0:
        return replace(named, why="not_shown")
    if clear and hit and max(clear) > min(hit):
        return replace(named, why="contradiction")
    if not clear and not hit:
        return replace(named, why="no_answers")
    after, by = max(clear, default=0), min(hit, default=end)
    return replace(named, after=after, by=by if by < end else None, located=by - after == 1)


def _without_place(found: Assessment, rule: str | None, direction: Direction, why: Why = "") -> Place:
    arm = found.arm
    return Place(app=arm.app, variant=arm.variant, medium=arm.medium, rule=rule, direction=direction, why=why)


def _with_hops(place: Place, seen: dict[int, HopLoss], end: int) -> Place:
    kinds = {hops: one.router for hops, one in seen.items() if one.router and hops < end}
    return replace(place, routers=end - 1, kinds=kinds, hops=tuple(seen.values()))


def _far_end(epochs: Sequence[Epoch], direction: Direction) -> int | None:
    """Return the fewest hops with which a twin's packet reaches the other end; None if none does. The number is the one
    that the fewest packets contradict: those that arrived with fewer hops, and those lost with as many."""
    came, lost = np.zeros(LADDER + 1), np.zeros(LADDER + 1)
    for epoch in epochs:
        track = epoch.up if direction == "up" else epoch.down
        for flow in epoch.flows:
            if flow.direction == direction and flow.limited and flow.role == "twin":
                rungs = np.flatnonzero(unpack_bitmap(flow.limited, len(track.stage)))
                sent, arrived = (unpack_bitmap(bits, len(track.stage))[rungs] for bits in (flow.sent, flow.arrived))
                hops = np.full(len(rungs), flow.hops) if flow.hops else 1 + np.arange(len(rungs)) % LADDER
                np.add.at(came, hops[sent & arrived], 1)
                np.add.at(lost, hops[sent & ~arrived], 1)
    if not came.any():
        return None
    wrong = [came[1:end].sum() + lost[end:].sum() for end in range(1, LADDER + 1)]
    return 1 + int(np.argmin(wrong))


def _next_for_direction(facts: Facts, found: Assessment, rule: str, direction: Direction) -> HopQuestion | None:
    """Ask for a ladder first; then for the hops between the last clear one and the first that is hit, beside the far
    end."""
    epochs = _limited_epochs(facts, found.arm, direction)
    end = _far_end(epochs, direction)
    if end is None:
        return (
            None
            if epochs
            else HopQuestion(False, 0, _hop_question(found, direction, "media", (), LADDER_K, LADDER_PACKETS))
        )
    place = _place_of(facts, found, rule, direction)
    seen = {one.hops: one for one in place.hops}
    far, named = seen[end], place.after is not None
    if far.tries >= TRIES and far.low <= 0.0:
        return None
    hit = min((h for h, one in seen.items() if h < end and one.low > 0.0), default=end)
    clear = max((h for h, one in seen.items() if h < hit and one.high < far.low), default=0)
    most = TRIES if named else PATIENT
    done = {h for h, one in seen.items() if one.tries >= most or (one.tries and one.answered <= SILENT_HOP_SHARE)}
    left = [h for h in range(clear + 1, hit) if h not in done]
    if not left and far.low > 0.0:
        return None
    asked, answered = _hops_between(left or [end], seen)
    stage = _first_stage(found, rule, direction)
    packets = _packets_needed(found, far, answered) if stage == "media" else SET_UP_PACKETS
    k = FEW_K if stage == "media" and answered < MIN_ANSWERED_SHARE else K
    return HopQuestion(
        named, len(epochs), _hop_question(found, direction, stage, tuple(sorted({*asked, end})), k, packets)
    )


def _hops_between(left: Sequence[int], seen: Mapping[int, HopLoss]) -> tuple[list[int], float]:
    """Choose which of these hops to ask next, and the share of packets that is answered there. Several are spread
    evenly. Where routers answer little, one is asked alone: the middle one first, then one beyond it, since a hit shows
    sooner than its absence."""
    inner = slice(None) if len(left) <= HOPS_AT_ONCE else slice(1, -1)  # all if they are few
    spread = {left[round(i)] for i in np.linspace(0, len(left) - 1, min(len(left), HOPS_AT_ONCE + 2))[inner]}
    middle = (left[0] + left[-1]) / 2.0
    known = [seen[hops] for hops in left if hops in seen]
    one = min(known, key=lambda one: (one.tries // IN_A_ROW, abs(one.hops - middle), -one.hops), default=None)
    if one is None or one.answered >= MIN_ANSWERED_SHARE:
        return sorted(spread), one.answered if one is not None else 1.0
    return [one.hops], one.answered


def _first_stage(found: Assessment, rule: str, direction: Direction) -> PacketStage:
    """Return the first set-up stage that the rule acts on and the arm has, else media."""
    track = found.view.accusing[0].up if direction == "up" else found.view.accusing[0].down
    return next((stage for stage in STAGES_OF_RULES.get(rule, ()) if stage in track.stage), "media")


def _packets_needed(found: Assessment, far: HopLoss, answered: float) -> int:
    """Return how many packets the restriction needs to act by half of them, little loss to show, and routers to
    answer."""
    best = found.explanation.best if found.explanation else None
    parameters: dict[str, Number | Category] = dict(best.measure()) if best else {}
    after, after_s, p = (_upper_end(parameters.get(name)) for name in ("after_packets", "after_s", "p"))
    lost = (far.low + far.high) / 2.0 if far.tries else p or USUAL_P
    usual = PACKETS * min(LONGEST, max(1.0, USUAL_P / lost, MIN_ANSWERED_SHARE / max(answered, SILENT_HOP_SHARE)))
    wanted = max(usual, 2 * after + PACKETS // 2, 2 * after_s * found.planned.packet_rate + PACKETS // 2)
    return min(MOST_PACKETS, ceil(wanted))


def _upper_end(value: Number | Category | None) -> float:
    return 0.0 if not isinstance(value, Number) else value.high or value.estimate or 0.0


def _hop_question(
    found: Assessment, direction: Direction, stage: PacketStage, hops: tuple[int, ...], k: int, packets: int
) -> PlannedEpoch:
    return PlannedEpoch(found.arm, HopLimits(stage, direction, hops), k=k, packets=packets, why="hops")
