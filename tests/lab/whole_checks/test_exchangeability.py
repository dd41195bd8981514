"""Calls and twins are exchangeable: whatever a network that is blind to bytes does to a flow, both ends then send and
hear the same packets of it, be it call, random twin or text twin. Every e-value rests on this.

The network drops the n-th packet of a length of each flow, the same for all, and delays everything alike. The random
order within a slot, which is blind to roles, is taken out: what is left must be equal, bit for bit.
"""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from talkpath.apps import shapes
from talkpath.apps.contract.shape import Arm, Direction
from talkpath.conduct.check import Check
from talkpath.conduct.request import Observer
from talkpath.experiment import layout
from talkpath.experiment.plan import make_plan
from talkpath.lab.drivers.sim import Sim
from talkpath.lab.path.headers import five_tuple, is_udp
from talkpath.measure.facts import Epoch, Facts
from talkpath.verdict.model import PlannedEpoch

PATTERNS = 25
DELAY_S: dict[Direction, float] = {"up": 0.011, "down": 0.017}


Drops = frozenset[tuple[Direction, int, int]]  # direction, length of the IP packet, the how manieth of its flow


class EveryFlowAlike:
    """Drops the same packets of every UDP flow."""

    def __init__(self, drops: Drops) -> None:
        self.drops = drops
        self.seen: Counter[tuple[Direction, int, bytes]] = Counter()

    def offer(self, now_s: float, direction: Direction, packet: bytes) -> list[tuple[float, bytes]]:
        """As `Network`."""
        if is_udp(packet):
            kind = direction, len(packet), five_tuple(packet)
            self.seen[kind] += 1
            if (direction, len(packet), self.seen[kind]) in self.drops:
                return []
        return [(now_s + DELAY_S[direction], packet)]


def epoch_of(arm: Arm, network: EveryFlowAlike) -> Epoch:
    """One epoch behind that network."""

    def choose(facts: Facts, spent_bytes: int, pending: object) -> PlannedEpoch | None:
        done = facts.epochs or pending
        return None if done else PlannedEpoch(arm, k=4, packets=8)

    check = Check(make_plan([arm]), bytes(32), planner=choose)
    sim = Sim(check, network)  # type: ignore[arg-type]
    check.observer = Observer(epoch_ended=lambda facts: check.interrupt(sim.now_s))
    return sim.run().epochs[0]


def kinds(network: EveryFlowAlike) -> list[tuple[Direction, int, int]]:
    """All that some flow sent."""
    most: Counter[tuple[Direction, int]] = Counter()
    for (direction, size, _), count in network.seen.items():
        most[direction, size] = max(most[direction, size], count)
    return [(*kind, number) for kind, count in sorted(most.items()) for number in range(1, count + 3)]


@pytest.mark.long
@pytest.mark.parametrize("arm", list(shapes()), ids=str)
def test_calls_and_twins_fare_alike(arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "SPACING_MS", 0.0)
    layout.lay_out.cache_clear()
    rng = Random(f"drops {arm}")
    network = EveryFlowAlike(frozenset())
    for _ in range(PATTERNS):
        epoch = epoch_of(arm, network)
        for way in DELAY_S:
            flows = [flow for flow in epoch.flows if flow.direction == way and not flow.canary]
            told = {(flow.sent, flow.arrived, flow.late, tuple(flow.answered.items())) for flow in flows}
            assert len({(flow.role, flow.twin_kind) for flow in flows}) == 3
            assert len(told) == 1, (way, network.drops)
        share = rng.choice((0.05, 0.2, 0.5))
        network = EveryFlowAlike(frozenset(kind for kind in kinds(network) if rng.random() < share))
    layout.lay_out.cache_clear()
