"""Made-up epochs: a seeded network without a restriction, with effects tied to 5-tuples, and a restriction on calls.

`World(background, seed)` keeps the line's state between epochs; `epoch` gives the facts of the next one. The network
is blind to roles: what it does is drawn for 5-tuples and slots first, and the roles are laid over it at random.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from talkpath.measure.facts import Direction, Epoch, Observation, Track
from talkpath.wire.control.question import BASELINE, Question

Bits = NDArray[np.bool_]
Rng = np.random.Generator
DIRECTIONS: tuple[Direction, ...] = ("up", "down")


@dataclass(frozen=True)
class Restriction:
    """What calls suffer. `up`, `down`: extra loss; `setup`: chance that a stage stays unanswered;
    `kill_after`: packets each way until all is lost; `delay_ms`: added to every call packet."""

    up: float = 0.0
    down: float = 0.0
    setup: float = 0.0
    kill_after: int | None = None
    delay_ms: float = 0.0


NOTHING = Restriction()
Background = Callable[["World", Bits], Bits]
"""What the line does to the packets sent, (flows, slots) both."""


def no_loss(world: World, sent: Bits) -> Bits:
    """No loss at all."""
    return np.zeros_like(sent)


def independent_loss(loss: float) -> Background:
    """Every packet for itself."""
    return lambda world, sent: world.rng.random(sent.shape) < loss


def bursty_loss(loss: float, bad_loss: float = 0.8, mean_slots: float = 6.0) -> Background:
    """Gilbert-Elliott, one state of the line common to all flows."""

    def lose(world: World, sent: Bits) -> Bits:
        leave = 1.0 / mean_slots
        enter = leave * loss / (bad_loss - loss)
        bad = np.zeros(sent.shape[1], np.bool_)
        for slot, draw in enumerate(world.rng.random(len(bad))):
            bad[slot] = world.bad = draw >= leave if world.bad else draw < enter
        return (world.rng.random(sent.shape) < bad_loss) & bad

    return lose


def ecmp_paths(world: World, sent: Bits) -> Bits:
    """Four paths with losses of their own; a 5-tuple keeps to one."""
    if not len(world.paths):
        world.paths = world.rng.choice([0.0, 0.01, 0.05, 0.2], 4)
    path = world.rng.integers(0, len(world.paths), len(sent))
    return world.rng.random(sent.shape) < world.paths[path][:, None]


def shared_buckets(world: World, sent: Bits) -> Bits:
    """Per-flow queues: one 5-tuple in eight shares its bucket with a bulk transfer and loses 30 %."""
    bad = world.rng.random(len(sent)) < 0.12
    return world.rng.random(sent.shape) < np.where(bad, 0.3, 0.002)[:, None]


def nat_evictions(world: World, sent: Bits) -> Bits:
    """One mapping in eight is evicted: everything after that is lost."""
    flows, slots = sent.shape
    gone = np.where(world.rng.random(flows) < 0.12, world.rng.integers(0, slots, flows), slots)
    return np.arange(slots) >= gone[:, None]


def police_all(world: World, sent: Bits) -> Bits:
    """All UDP together may use 80 % of what it sends; the excess of each slot is lost, in random order."""
    flows, slots = sent.shape
    order = np.where(sent, world.rng.random(sent.shape), 2.0).argsort(axis=0).argsort(axis=0)
    allowed = np.floor(0.8 * flows * np.arange(1, slots + 1)) - np.floor(0.8 * flows * np.arange(slots))
    return order >= allowed


def police_flow(world: World, sent: Bits) -> Bits:
    """Each 5-tuple may send 3 packets at once and 80 % of its rate after: who sends less (a canary) loses less."""
    return sent.cumsum(axis=1) > np.ceil(3 + 0.8 * np.arange(sent.shape[1]))


def freeze_flows(world: World, sent: Bits) -> Bits:
    """Each 5-tuple may send so many packets and no more: a canary is frozen later than the others."""
    return sent.cumsum(axis=1) > 0.8 * sent.shape[1]


BACKGROUNDS: dict[str, Background] = {
    "clean": no_loss,
    "iid 5 %": independent_loss(0.05),
    "bursts 5 %": bursty_loss(0.05),
    "bursts 15 %": bursty_loss(0.15),
    "ecmp": ecmp_paths,
    "buckets": shared_buckets,
    "nat": nat_evictions,
    "police all": police_all,
    "police flow": police_flow,
    "freeze": freeze_flows,
}


@dataclass
class World:
    """A line, its background and its random state."""

    background: Background
    seed: int
    rng: Rng = field(init=False)
    bad: bool = False
    paths: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    now_s: float = 0.0
    number: int = 0

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    def epoch(
        self,
        *,
        k: int = 8,
        packets: int = 25,
        rate: float = 50.0,
        restriction: Restriction = NOTHING,
        text: bool = True,
        canary: bool = True,
        question: Question = BASELINE,
        stages: tuple[str, ...] = ("stun",),
        tcp: bool = False,
    ) -> Epoch:
        """The facts of the next epoch: k calls, k random twins, k/2 text twins with `text`; with `tcp` (question
        `TcpTwins`) the calls' place is taken by twins over TCP."""
        laid = _lay_out_flows(self, k, packets, restriction, text, canary, stages, tcp)
        flows = [flow for way in DIRECTIONS for flow in _observed_direction(self, laid, way)]
        track = Track(
            at_ms=tuple(200.0 + 1000.0 * slot / rate for slot in range(packets)),
            size=(160,) * packets,
            stage=("media",) * packets,
        )
        started, self.number = self.now_s, self.number + 1
        self.now_s = ended = started + packets / rate
        return Epoch(
            number=self.number, app="webrtc", variant="webrtc", medium="voice", k=k,
            started_s=started, ended_s=ended, cut_s=ended + 0.3, known_s=ended + 0.4,
            up=track, down=track, flows=tuple(flows), question=question,
        )  # fmt: skip


class _Laid(NamedTuple):
    """What holds for both directions of an epoch. `calls` over TCP where `tcp`; `canary` is a flow's number or -1."""

    hit: Restriction
    roles: NDArray[np.int64]
    canary: int
    withheld: Bits
    jitter_ms: NDArray[np.float64]
    answered: list[dict[str, bool]]
    tcp: bool


def _lay_out_flows(
    world: World,
    k: int,
    packets: int,
    hit: Restriction,
    text: bool,
    canary: bool,
    stages: tuple[str, ...],
    tcp: bool,
) -> _Laid:
    roles, chosen = _drawn_roles(world.rng, k, text, canary)
    answered = [
        dict(zip(stages, map(bool, row), strict=True)) for row in _answered_stages(world, roles == 0, hit, stages)
    ]
    withheld = np.zeros((len(roles), packets), np.bool_)
    if chosen >= 0:
        count = max(1, round(0.05 * packets))
        withheld[chosen, world.rng.choice(packets, count, replace=False)] = True
    return _Laid(hit, roles, chosen, withheld, world.rng.exponential(3.0, len(roles)), answered, tcp)


def _observed_direction(world: World, laid: _Laid, direction: Direction) -> list[Observation]:
    sent, calls, hit = ~laid.withheld, (laid.roles == 0)[:, None], laid.hit
    lost = world.background(world, sent)
    lost |= calls & (world.rng.random(sent.shape) < (hit.up if direction == "up" else hit.down))
    if hit.kill_after is not None:
        lost |= calls & (np.arange(sent.shape[1]) >= hit.kill_after)
    arrived = sent & ~lost
    return [_observed_flow(world, laid, direction, flow, arrived[flow]) for flow in range(len(sent))]


def _observed_flow(world: World, laid: _Laid, direction: Direction, flow: int, arrived: Bits) -> Observation:
    is_call = laid.roles[flow] == 0
    delay_ms = 30.0 + laid.jitter_ms[flow] + laid.hit.delay_ms * is_call + world.rng.normal(0, 0.5)
    return Observation(
        id=0,
        flow=flow,
        role="call" if is_call and not laid.tcp else "twin",
        direction=direction,
        sent=_pack_bits(~laid.withheld[flow]),
        arrived=_pack_bits(arrived),
        twin_kind=None if is_call and not laid.tcp else "text" if laid.roles[flow] == 2 else "random",
        transport="tcp" if laid.tcp and is_call else "udp",
        canary=flow == laid.canary,
        withheld=_pack_bits(laid.withheld[flow]),
        delay_dms=tuple(round(10 * (delay_ms + q)) for q in (-1, -0.5, 0, 0.5, 1)) if arrived.any() else (),
        answered=laid.answered[flow],
    )


def _drawn_roles(rng: Rng, k: int, text: bool, canary: bool) -> tuple[NDArray[np.int64], int]:
    """0 call, 1 random twin, 2 text twin for each flow; and the canary's number (-1: none)."""
    roles = np.repeat([0, 1, 2], [k, k, k // 2 if text else 0])
    rng.shuffle(roles)
    texts = np.flatnonzero(roles == 2)
    return roles, int(rng.choice(texts)) if canary and len(texts) else -1


def _answered_stages(world: World, calls: Bits, hit: Restriction, stages: tuple[str, ...]) -> Bits:
    """A stage fails when the request or its answer is lost three times, or the restriction wants it."""
    tries = np.ones((len(calls), 3 * len(stages)), np.bool_)
    lost = world.background(world, tries) | world.background(world, tries)
    failed = lost.reshape(len(calls), len(stages), 3).all(axis=2)
    return ~(failed | (calls[:, None] & (world.rng.random(failed.shape) < hit.setup)))


def _pack_bits(bits: Bits) -> bytes:
    return np.packbits(bits, bitorder="little").tobytes()
