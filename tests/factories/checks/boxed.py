"""Made-up checks for the verdict: whole calls, packet by packet, through a made-up box. No code of the lab's is used.

`check(Line(...))` runs `next_question` until it has none left, plays each epoch it asks for, and gives the facts. A box
sees (flow, now_s, direction, slot) and drops (None) or delays (seconds) a packet; it may look at the flow's true role,
as a matcher would find it. Everything is seeded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from math import inf
from random import Random

from msgspec.structs import replace

from factories.checks.call_slots import SHAPES, Box, Flow, Outcome, Slot
from talkpath.measure.bitmap import pack_bitmap
from talkpath.measure.facts import DELAY_QUANTILES, ArmPlan, Epoch, Facts, Health, Observation, Plan, Track
from talkpath.verdict.model import PlannedEpoch
from talkpath.verdict.planner.costs import pace_of
from talkpath.verdict.planner.next_question import next_question
from talkpath.wire.control.question import HelloContrast

HALF_S = 0.015  # from an end to the box
PORTS = tuple(range(3470, 3486))
CUT_S = 0.4


# ---------------------------------------------------------------- boxes


def is_call(flow: Flow) -> bool:
    """A recogniser that is always right."""
    return flow.role == "call"


def is_udp(flow: Flow) -> bool:
    """All UDP."""
    return True


Whom = Callable[[Flow], bool]


def stage_drop(stages: Sequence[str], direction: str = "both", hellos: Sequence[str] = (), whom: Whom = is_call) -> Box:
    """Set-up messages are dropped; `hellos`: only those makers' (empty: any)."""

    def box(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
        hit = (
            whom(flow) and slot.stage in stages and direction in ("both", way) and (not hellos or flow.hello in hellos)
        )
        return None if hit else 0.0

    return box


def media_drop(p: float, direction: str = "both", onset: int = 0, whom: Whom = is_call) -> Box:
    """Media packets after the onset."""

    def box(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
        hit = whom(flow) and slot.stage == "media" and direction in ("both", way) and flow.packets > onset
        return None if hit and rng.random() < p else 0.0

    return box


def freeze_after(
    packets: int | None = None,
    seconds: float | None = None,
    handshake: int | None = None,
    direction: str = "both",
    whom: Whom = is_call,
    size_bytes: float = inf,
) -> Box:
    """Everything after so many packets or IP bytes both ways, seconds, or media packets of one direction."""

    def box(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
        if not whom(flow):
            return 0.0
        over = flow.bytes > size_bytes or (packets is not None and flow.packets > packets)
        over = over or (seconds is not None and now_s - (flow.opened_s or now_s) >= seconds)
        over = over or (handshake is not None and flow.media[way] > handshake)
        flow.frozen = flow.frozen or over
        return None if (over or (flow.frozen and handshake is None)) and direction in ("both", way) else 0.0

    return box


def token_bucket(
    kbps: float,
    direction: str = "both",
    burst: float = 3000.0,
    whom: Whom = is_call,
    header: int = 28,
    buckets: str = "two",
) -> Box:
    """A token bucket a flow and direction, or a flow, over IP bytes."""

    def box(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
        if not whom(flow) or direction not in ("both", way) or slot.stage not in ("media", "control"):
            return 0.0
        bucket = way if buckets == "two" else "both"
        level, last_s = flow.level.get(bucket, (burst, now_s))
        level = min(burst, level + kbps * 125.0 * (now_s - last_s))
        passes = level >= slot.size + header
        flow.level[bucket] = (level - (slot.size + header) * passes, now_s)
        return 0.0 if passes else None

    return box


def size_drop(over: int, direction: str = "both", p: float = 1.0, onset: int = 0) -> Box:
    """Large media packets of calls after the onset."""

    def box(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
        hit = is_call(flow) and slot.stage == "media" and slot.size > over and direction in ("both", way)
        hit = hit and flow.packets > onset
        return None if hit and rng.random() < p else 0.0

    return box


def added_delay(ms: float, jitter_ms: float = 0.0, direction: str = "both") -> Box:
    """Normal, never early."""

    def box(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
        hit = is_call(flow) and slot.stage in ("media", "control") and direction in ("both", way)
        return max(0.0, rng.gauss(ms, jitter_ms)) / 1000.0 if hit else 0.0

    return box


def block_ports(direction: str = "both", ports: Sequence[int] = (), roles: Sequence[str] = (), p: float = 1.0) -> Box:
    """All packets, to some ports or of some roles only."""

    def box(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
        hit = direction in ("both", way) and (not ports or flow.port in ports) and (not roles or flow.role in roles)
        return None if hit and rng.random() < p else 0.0

    return box


def box_from(box: Box, from_s: float) -> Box:
    """The same box, which acts from then on."""

    def begun(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
        return box(rng, flow, now_s, way, slot) if now_s >= from_s else 0.0

    return begun


def independent_loss(loss: float) -> Box:
    """Every packet for itself."""
    return lambda rng, flow, now_s, way, slot: None if rng.random() < loss else 0.0


def bursty_loss(loss: float, burst_s: float = 0.02) -> Box:
    """Gilbert and Elliott in continuous time, each direction by itself, all flows in the same weather."""
    state: dict[str, tuple[bool, float]] = {}

    def box(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
        share = loss / 0.9
        bad, turn_s = state.get(way, (False, now_s))
        while turn_s <= now_s:
            bad = not bad
            turn_s += rng.expovariate(1 / (burst_s if bad else burst_s * (1 - share) / share))
        state[way] = bad, turn_s
        return None if bad and rng.random() < 0.9 else 0.0

    return box


def nat_evictions(share: float = 0.12, within_s: float = 1.5) -> Box:
    """Some flows die, both ways."""

    def box(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
        if flow.doomed_s is None:
            flow.doomed_s = now_s + within_s * rng.random() if rng.random() < share else float("inf")
        return None if now_s >= flow.doomed_s else 0.0

    return box


def lossy_buckets(share: float = 0.12, loss: float = 0.3) -> Box:
    """Some 5-tuples lose packets."""
    bad: dict[int, bool] = {}

    def box(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
        if flow.number not in bad:
            bad[flow.number] = rng.random() < share
        return None if bad[flow.number] and rng.random() < loss else 0.0

    return box


# ---------------------------------------------------------------- a check


@dataclass
class Line:
    """A network (boxes in a row) and a plan. `app` names of SHAPES, each one arm."""

    boxes: Sequence[Box] = ()
    apps: Sequence[str] = ("webrtc",)
    seed: int = 1
    k: int = 8
    packets: int = 25
    watch_s: float = 0.0
    long_s: float = 0.0
    ok_s: float = 0.0
    budget_bytes: int = 4_000_000
    budget_s: float = 60.0
    health: Health = field(default_factory=Health)
    family: int = 4

    def plan(self) -> Plan:
        """One arm an app."""
        arms = tuple(
            ArmPlan(app, app, "video" if app == "video" else "voice", packet_rate=SHAPES[app].rate) for app in self.apps
        )
        return Plan(arms, k=self.k, packets=self.packets, watch_s=self.watch_s, long_s=self.long_s, ok_s=self.ok_s,
                    budget_bytes=self.budget_bytes, budget_s=self.budget_s)  # fmt: skip


def play_check(line: Line, most: int = 60) -> Facts:
    """Ask and play until nothing is asked any more."""
    rng = Random(line.seed)
    seed = line.seed.to_bytes(32, "big")
    facts = Facts(line.plan(), seed=seed, health=line.health, family=line.family, simulated=True)
    spent, now_s = 0, 0.2
    epochs: list[Epoch] = []
    while len(epochs) < most:
        ask = next_question(facts, spent)
        if ask is None:
            return facts
        epoch, cost = play_epoch(line, rng, ask, len(epochs), now_s)
        epochs.append(epoch)
        spent, now_s = spent + cost, epoch.ended_s + 0.1
        facts = replace(facts, epochs=tuple(epochs))
    raise AssertionError(f"still asking after {most} epochs")


def play_epoch(line: Line, rng: Random, ask: PlannedEpoch, number: int, now_s: float) -> tuple[Epoch, int]:
    """One epoch, and the bytes it cost."""
    slots = SHAPES[ask.arm.app].slots(rng, ask.packets, pace_of(ask.question))
    k, over_tcp = ask.k, ask.question.kind == "tcp"
    usual = ["call"] * k + ["random"] * k + ["text"] * (k // 2)
    roles = {"tcp": ["random"] * (2 * k), "quiet": ["call"] * k}.get(ask.question.kind, usual)
    tcp = set(range(k, 2 * k)) if over_tcp else set()
    order = list(range(len(roles)))
    rng.shuffle(order)
    canary = rng.choice([place for place, index in enumerate(order) if roles[index] == "text"] or [-1])
    sides = {way: [i for i, slot in enumerate(slots) if slot.direction == way] for way in ("up", "down")}
    withheld = {way: _withheld_packets(rng, slots, sides[way]) for way in sides}
    trips = []
    for place, index in enumerate(order):
        flow = Flow(20 * number + place, roles[index], PORTS[(20 * number + place) % 16])
        flow.hello = ask.question.hello if isinstance(ask.question, HelloContrast) else "browser"
        hold = withheld["up"] | withheld["down"] if place == canary else frozenset()
        trips.append(Trip(flow, slots, hold, () if index in tcp else line.boxes, now_s + 0.0005 * place))
    send_all(rng, trips)
    cost = sum(slots[i].size + 28 for trip in trips for i in trip.sent)
    flows = [
        seen
        for place, trip in enumerate(trips)
        for seen in _observed_flow(trip, sides, withheld, place == canary, order[place] in tcp)
    ]
    ended_s = now_s + slots[-1].at_s
    tracks = {way: Track(tuple(1000 * slots[i].at_s for i in sides[way]), tuple(slots[i].size for i in sides[way]),
                         tuple(slots[i].stage for i in sides[way])) for way in sides}  # fmt: skip
    epoch = Epoch(
        number=number, app=ask.arm.app, variant=ask.arm.variant, medium=ask.arm.medium, k=ask.k,
        started_s=now_s, ended_s=ended_s,
        cut_s=ended_s + CUT_S, known_s=ended_s + CUT_S + 0.1, up=tracks["up"], down=tracks["down"],
        flows=tuple(flows), question=ask.question,
    )  # fmt: skip
    return epoch, cost


def _withheld_packets(rng: Random, slots: list[Slot], side: list[int]) -> frozenset[int]:
    media = [i for i in side if slots[i].stage == "media"]
    return frozenset(rng.sample(media, max(1, round(0.05 * len(media)))))


def _setup_ms(trip: Trip, stages: Iterable[str]) -> float | None:
    replies = [min((at_s for i, at_s in trip.arrived.items() if trip.slots[i].stage == stage
                    and trip.slots[i].direction == "down"), default=None) for stage in stages]  # fmt: skip
    return None if None in replies else 1000 * (max(replies) - trip.start_s)  # type: ignore[type-var, operator]


@dataclass
class Trip:
    """One flow under way."""

    flow: Flow
    slots: list[Slot]
    hold: frozenset[int]
    boxes: Sequence[Box]
    start_s: float
    heard: bool = False
    sent: dict[int, float] = field(default_factory=dict)
    arrived: dict[int, float] = field(default_factory=dict)
    answered: set[int] = field(default_factory=set)


Event = tuple[float, int, int, str]  # (when, flow's place, slot, what)


def send_all(rng: Random, trips: list[Trip]) -> None:
    """All flows together, in order of time: retries and replies as they come about."""
    queue: list[Event] = [
        (trip.start_s + slot.at_s, place, i, "send")
        for place, trip in enumerate(trips)
        for i, slot in enumerate(trip.slots)
        if slot.direction == "up"
    ]
    heapify(queue)
    while queue:
        now_s, place, i, what = heappop(queue)
        trip, slot = trips[place], trips[place].slots[i]
        if what == "send":
            if i not in trip.hold and not (slot.retry_of is not None and slot.retry_of in trip.answered):
                trip.sent[i] = now_s
                heappush(queue, (now_s + HALF_S, place, i, "box"))
        elif what == "box":
            later_s = _through_boxes(trip.boxes, rng, trip.flow, now_s, slot)
            if later_s is not None:
                heappush(queue, (now_s + later_s + HALF_S + rng.expovariate(1 / 0.001), place, i, "arrive"))
        else:
            trip.arrived.setdefault(i, now_s)
            for event in _packet_arrives(trip, place, i, now_s):
                heappush(queue, event)


def _packet_arrives(trip: Trip, place: int, i: int, now_s: float) -> list[Event]:
    slots, slot = trip.slots, trip.slots[i]
    if slot.direction == "down":
        if slot.answers is not None:
            first = slots[slot.answers].retry_of
            trip.answered.add(slot.answers if first is None else first)
        return []
    events = [(now_s, place, j, "send") for j, other in enumerate(slots) if other.answers == i]
    if not trip.heard:
        trip.heard = True
        events += [(now_s - slot.at_s + other.at_s, place, j, "send") for j, other in enumerate(slots)
                   if other.direction == "down" and other.answers is None]  # fmt: skip
    return events


def _through_boxes(boxes: Sequence[Box], rng: Random, flow: Flow, now_s: float, slot: Slot) -> Outcome:
    flow.opened_s = now_s if flow.opened_s is None else flow.opened_s
    flow.packets += 1
    flow.bytes += slot.size + 28  # IPv4 and UDP
    flow.media[slot.direction] += slot.stage == "media"
    total = 0.0
    for box in boxes:
        outcome = box(rng, flow, now_s, slot.direction, slot)
        if outcome is None:
            return None
        total += outcome
    return total


def _observed_flow(
    trip: Trip, sides: dict[str, list[int]], withheld: dict[str, frozenset[int]], canary: bool, tcp: bool
) -> list[Observation]:
    flow, slots, sent, arrived = trip.flow, trip.slots, trip.sent, trip.arrived
    stages = dict.fromkeys(slot.stage for slot in slots if slot.stage not in ("media", "control"))
    answered = {
        stage: any(slots[i].stage == stage and slots[i].direction == "down" for i in arrived) for stage in stages
    }
    end_s = max((at_s for at_s in sent.values()), default=0.0) + CUT_S
    found = []
    for way, side in sides.items():
        bits = {i: bit for bit, i in enumerate(side)}
        delays = sorted(round(1e4 * (arrived[i] - sent[i])) for i in side if i in arrived and slots[i].stage == "media")
        spans = tuple(delays[round(q * (len(delays) - 1))] for q in DELAY_QUANTILES) if delays else ()
        held = pack_bitmap([bits[i] for i in withheld[way]], len(side)) if canary else b""
        found.append(
            Observation(
                id=2 * flow.number + len(found),
                flow=flow.number,
                role="call" if flow.role == "call" else "twin",
                direction=way,  # type: ignore[arg-type]
                sent=pack_bitmap([bits[i] for i in side if i in sent], len(side)),
                arrived=pack_bitmap([bits[i] for i in side if i in arrived and arrived[i] <= end_s], len(side)),
                late=pack_bitmap([bits[i] for i in side if i in arrived and arrived[i] > end_s], len(side)),
                twin_kind=None if flow.role == "call" else flow.role,  # type: ignore[arg-type]
                canary=canary,
                transport="tcp" if tcp else "udp",
                port=flow.port,
                withheld=held,
                delay_dms=spans,
                answered=answered,
                setup_ms=_setup_ms(trip, stages),
            )
        )
    return found
