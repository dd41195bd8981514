"""What became of each flow, both ways together: did it never live, did it go silent, and after how much.

Contract: facts only. Late packets count as arrived. Text twins and the canary are here too; flows over other
transports than UDP are not. An epoch whose far end never reported has no fates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from talkpath.apps.contract.shape import Arm, Direction
from talkpath.measure.bitmap import unpack
from talkpath.measure.facts import Epoch, Observation
from talkpath.verdict.flows.nat_rebinding import first_life
from talkpath.verdict.memo import per_epoch, per_epochs
from talkpath.verdict.statistics.cohort import DIRECTIONS, track

UNHEARD = 3  # packets sent of which none arrived: the flow never lived (set-up alone is tried three times)
SILENT = 6  # packets at its end of which none arrived: the flow went silent
CUT = 2  # likewise, and half of all, for a call that ended in its set-up; of most of many calls
RAN = 3  # media packets that passed: the call ran (a few pass where it is cut off after its handshake)
SLACK_S = 0.3  # one schedule's slots of the two ways pass one place so far apart at most (a round trip)


class Way(NamedTuple):
    """One direction of one flow. `last_s` and `next_s`: the schedule's times of the last packet that arrived and of the
    next that was sent after it (None: none). `tail`: packets sent after the last that arrived. `back`: it had been
    silent before, and came back. `media`: how many of what arrived were."""

    sent: int
    arrived: int
    tail: int
    last_s: float | None
    next_s: float | None
    sent_s: NDArray[np.float64]
    arrived_s: NDArray[np.float64]
    back: bool = False
    media: int = 0

    @property
    def unheard(self) -> bool:
        """Enough was sent and nothing arrived."""
        return self.sent >= UNHEARD and not self.arrived

    @property
    def silent(self) -> bool:
        """It lived, and then nothing came any more."""
        return self.arrived > 0 and self.tail >= SILENT


class Fate(NamedTuple):
    """One flow. `role` is "call", "random" or "text"."""

    flow: int
    role: str
    port: int
    up: Way
    down: Way

    @property
    def dead(self) -> bool:
        """Nothing of it ever arrived, one way or both."""
        return self.up.unheard or self.down.unheard

    def way(self, direction: Direction) -> Way:
        """That direction."""
        return self.up if direction == "up" else self.down


@per_epoch
def fates(epoch: Epoch) -> tuple[Fate, ...]:
    """Every UDP flow, in order of flows."""
    if epoch.missing:
        return ()
    flows = sorted((f for f in epoch.flows if f.transport == "udp"), key=lambda f: (f.flow, f.direction))
    found = []
    for number, group in groupby(flows, key=lambda f: f.flow):
        pair = {flow.direction: flow for flow in group}
        if len(pair) == 2:
            role = "call" if pair["up"].role == "call" else pair["up"].twin_kind or "random"
            found.append(Fate(number, role, pair["up"].port, _way(epoch, pair["up"]), _way(epoch, pair["down"])))
    return tuple(found)


def _way(epoch: Epoch, flow: Observation) -> Way:
    plan = track(epoch, flow.direction)
    at_s, size = np.array(plan.at_ms, np.float64) / 1000.0, np.array(plan.size, np.float64)
    sent = unpack(flow.sent, len(at_s))
    arrived = unpack(flow.arrived, len(at_s)) | unpack(flow.late, len(at_s))
    last = int(np.flatnonzero(arrived)[-1]) if arrived.any() else -1
    after = np.flatnonzero(sent[last + 1 :])
    return Way(
        int(sent.sum()),
        int(arrived.sum()),
        len(after),
        float(at_s[last]) if last >= 0 else None,
        float(at_s[last + 1 + after[0]]) if len(after) else None,
        at_s[sent],
        at_s[arrived],
        bool((first_life(sent[None], arrived[None], size)[0] != sent).any()),
        sum(plan.stage[slot] == "media" for slot in np.flatnonzero(arrived)),
    )


@per_epochs
def stillborn(epochs: tuple[Epoch, ...]) -> frozenset[tuple[int, int]]:
    """(epoch, flow) of calls that had no chance, and say nothing of how calls fare.

    To a port where an earlier call ran and went silent: what cuts a call off may keep its server and port closed for a
    while, and a call there is over when it is recognised, or before. And where nothing of a call passed, not even
    set-up, while most of the arm's were heard: a translator may have no port left for a flow.
    """
    few = _mostly_heard(epochs)
    dead = {(epoch.number, call.flow) for epoch in epochs if epoch.arm in few for call in calls_of(epoch) if call.dead}
    return frozenset(dead | {(number, call.flow) for number, call in later(epochs) if _over(call)})


@per_epochs
def later(epochs: tuple[Epoch, ...]) -> tuple[tuple[int, Fate], ...]:
    """(epoch, call) of those to a port where an earlier call ran and went silent."""
    ran: set[int] = set()
    found: list[tuple[int, Fate]] = []
    for epoch in sorted(epochs, key=lambda epoch: (epoch.started_s, epoch.number)):
        calls = calls_of(epoch)
        found += ((epoch.number, call) for call in calls if call.port in ran)
        ran |= {call.port for call in calls if any(way.silent and way.media >= RAN for way in (call.up, call.down))}
    return tuple(found)


@per_epochs
def doomed(epochs: tuple[Epoch, ...]) -> dict[int, list[Fate]]:
    """For each epoch the calls that found their port closed; none where most later calls to such ports ran, for then
    those few ended in some other way."""
    calls = [(number, call) for number, call in later(epochs) if _over(call)]
    found: dict[int, list[Fate]] = {}
    for number, call in calls if 2 * len(calls) > len(later(epochs)) else ():
        found.setdefault(number, []).append(call)
    return found


def calls_of(epoch: Epoch) -> list[Fate]:
    """The fates of calls."""
    return [fate for fate in fates(epoch) if fate.role == "call"]


def cut_ways(calls: Iterable[Fate]) -> list[Direction]:
    """The ways in which most calls that the far end heard at all were cut off, if only in their set-up."""
    heard = [call for call in calls if call.up.arrived]
    return [way for way in DIRECTIONS if 2 * sum(_cut(call.way(way)) for call in heard) > len(heard)]


def _cut(way: Way) -> bool:
    return way.tail >= max(CUT, way.sent / 2.0)


def _over(call: Fate) -> bool:
    """Did it end, one way or both, before any media passed?"""
    return call.dead or any(way.silent and not way.media for way in (call.up, call.down))


def _mostly_heard(epochs: Iterable[Epoch]) -> set[Arm]:
    """The arms of whose calls most were heard."""
    heard: Counter[Arm] = Counter()
    for epoch in epochs:
        for call in calls_of(epoch):
            heard[epoch.arm] += -1 if call.dead else 1
    return {arm for arm, balance in heard.items() if balance > 0}


@per_epoch
def quickest_s(epoch: Epoch) -> float:
    """How long the quickest set-up took, which is no less than one round trip; 0 where none was done."""
    times_ms = (flow.setup_ms for flow in epoch.flows if flow.setup_ms is not None and flow.transport == "udp")
    return min(times_ms, default=0.0) / 1000.0


@per_epoch
def round_trip_s(epoch: Epoch) -> float:
    """At most how much later one end's slots pass the box than the other's of the same time: one round trip, of which
    the quickest set-up is an upper bound."""
    return min(SLACK_S, quickest_s(epoch) or SLACK_S)


def packets_at_silence(fate: Fate, hit: tuple[Direction, ...], slack_s: float = SLACK_S) -> tuple[int, int]:
    """(least, most) packets, both ways, that a box had let pass when the flow went silent in the directions `hit`.

    Whatever arrived had passed. The box may have seen, besides, what was lost elsewhere, and of a direction that was
    not silenced whatever was sent before the next packet of the silenced one. The far end starts when it hears the
    flow, so its packets pass the box later than ours of the same time, by up to `slack_s`.
    """
    least = most = 0
    ends = [fate.way(way) for way in hit]
    last_s = max(way.last_s or 0.0 for way in ends)
    next_s = min((way.next_s for way in ends if way.next_s is not None), default=last_s)
    for direction in DIRECTIONS:
        way = fate.way(direction)
        if direction in hit:
            least += way.arrived
            most += way.sent - way.tail
        else:
            least += int((way.arrived_s <= last_s - slack_s * (direction == "down")).sum())
            most += int((way.sent_s <= next_s + slack_s * (direction == "up")).sum())
    return least, most
