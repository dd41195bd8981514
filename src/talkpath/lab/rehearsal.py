"""Estimates the cost of a check for `check --dry-run`, by playing it in virtual time on a clean line.

The rehearsal asks the questions that the real check will ask. Packet sizes are drawn anew in each check, and how soon
an arm is decided depends on them too. So it is played several times, the bytes of every epoch are averaged over many
draws, and the sum is given with the deviation that one check may have.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from random import Random
from statistics import fmean, pvariance, variance
from typing import Any, NamedTuple

from talkpath.apps import shapes
from talkpath.apps.contract.shape import Arm, Direction
from talkpath.conduct.check import Check
from talkpath.conduct.question_choice import LOCAL_PORTS
from talkpath.conduct.request import Observer
from talkpath.experiment.budget import CARRIER_BYTES, flow_bytes
from talkpath.experiment.plan import without_relays
from talkpath.experiment.seeds import derive_bytes, seeded_generator, session_key
from talkpath.lab.drivers.sim import Sim
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Epoch, Plan
from talkpath.verdict.model import PlannedEpoch

RUNS, DRAWS = 6, 16
SIGMAS = 2.57  # 95 % of checks deviate no further (Student's t with RUNS - 1 degrees of freedom)


class EpochCost(NamedTuple):
    """The cost of one epoch: bytes of IP packets up and down, the variance of their sum, and packets of both
    directions."""

    arm: Arm
    up: float
    down: float
    variance: float
    packets: int
    flows: int


class Rehearsal(NamedTuple):
    """One rehearsal: its epochs, the bytes of the control channel in each direction, and its duration."""

    costs: list[EpochCost]
    control: tuple[int, int]
    seconds: float

    @property
    def total_bytes(self) -> float:
        """IP bytes of both directions, including the control channel."""
        return sum(cost.up + cost.down for cost in self.costs) + sum(self.control)


def rehearse_check(plan: Plan) -> dict[str, Any]:
    """{"arms": [row], "total": row, "local_ports": n, "within_pct": p}; a row has arm, flows, packets, bytes_sent,
    bytes_received. The total has `seconds` too, and includes the control channel; 95 % of checks on a clean line are
    within `within_pct` of its bytes."""
    plays = [_play_check(without_relays(plan), seed) for seed in range(RUNS)]
    planned = [each.arm for each in plan.arms]
    costs = [cost for play in plays for cost in play.costs]
    total = _cost_row("all", costs)
    total["bytes_sent"] += round(fmean(play.control[0] for play in plays))
    total["bytes_received"] += round(fmean(play.control[1] for play in plays))
    total["seconds"] = round(fmean(play.seconds for play in plays), 1)
    arms = [_cost_row(str(arm).replace("/", " "), [cost for cost in costs if cost.arm == arm]) for arm in planned]
    return {
        "schema": "talkpath.plan/1",
        "arms": arms,
        "total": total,
        "local_ports": LOCAL_PORTS,
        "within_pct": _spread_pct(plays),
    }


def _play_check(plan: Plan, seed: int) -> Rehearsal:
    asked: list[PlannedEpoch] = []
    observer = Observer(question_asked=lambda facts, question: asked.append(question))
    check = Check(plan, Random(f"rehearsal {seed}").randbytes(32), observer=observer)
    facts = Sim(check, Scenario.parse("clean", (), seed).network(), seed).run()
    assert check.session.welcome is not None  # the line is clean
    key = session_key(check.seed, check.session.welcome.seed)
    costs = [
        _epoch_cost(epoch, asked[epoch.number].packets, derive_bytes(key, "epoch", epoch.number))
        for epoch in facts.epochs
    ]
    control = (
        facts.bytes_sent - sum(sum(_bytes_sent(epoch, "up")) for epoch in facts.epochs),
        facts.bytes_received - sum(sum(_bytes_sent(epoch, "down")) for epoch in facts.epochs),
    )
    return Rehearsal(costs, control, facts.duration_s)


def _bytes_sent(epoch: Epoch, direction: Direction) -> list[int]:
    """Bytes that each flow sent in the rehearsal."""
    track = epoch.up if direction == "up" else epoch.down
    mine = [flow for flow in epoch.flows if flow.direction == direction]
    flows = [(flow.transport, int.from_bytes(flow.sent, "little")) for flow in mine]
    return [
        sum(size + CARRIER_BYTES[4][kind] for bit, size in enumerate(track.size) if sent >> bit & 1)
        for kind, sent in flows
    ]


def _epoch_cost(epoch: Epoch, packets: int, seed: bytes) -> EpochCost:
    """What the rehearsal sent, scaled by the mean cost of a flow over other draws of its schedule."""
    shape = shapes()[epoch.arm]
    ours = flow_bytes(shape.schedule(seeded_generator(seed, "schedule"), packets))  # as experiment.layout draws it
    draws = [flow_bytes(shape.schedule(Random(f"{epoch.number} {n}"), packets)) for n in range(DRAWS)]
    up, down = _bytes_sent(epoch, "up"), _bytes_sent(epoch, "down")
    return EpochCost(
        arm=epoch.arm,
        up=sum(up) * fmean(draw[0] for draw in draws) / ours[0],
        down=sum(down) * fmean(draw[1] for draw in draws) / ours[1],
        variance=pvariance([sum(draw) for draw in draws]) * len(up) ** 2,
        packets=sum(int.from_bytes(flow.sent, "little").bit_count() for flow in epoch.flows),
        flows=len(up),
    )


def _cost_row(name: str, costs: Sequence[EpochCost]) -> dict[str, Any]:
    """The mean over the rehearsals; `costs` are their epochs."""
    return {
        "arm": name,
        "flows": round(sum(cost.flows for cost in costs) / RUNS),
        "packets": round(sum(cost.packets for cost in costs) / RUNS),
        "bytes_sent": round(sum(cost.up for cost in costs) / RUNS),
        "bytes_received": round(sum(cost.down for cost in costs) / RUNS),
    }


def _spread_pct(plays: Sequence[Rehearsal]) -> float:
    """The 95 % deviation of one check in percent, from its draws and from the rehearsals."""
    totals = [play.total_bytes for play in plays]
    if not any(totals):
        return 0.0
    drawn = fmean(sum(cost.variance for cost in play.costs) for play in plays)
    return round(100 * SIGMAS * sqrt(drawn + variance(totals)) / fmean(totals), 1)
