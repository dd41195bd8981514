"""A check rehearsed in virtual time on a clean line: what `check --dry-run` tells of its cost.

The rehearsal asks what the real check will ask. But packet sizes are drawn anew in each check, and how soon an arm is
settled depends on them too: so it is played a few times, every epoch's bytes are told as their mean over many draws,
and beside the sum stands how far a check may stray from it.
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
from talkpath.experiment.budget import AROUND_BYTES, flow_bytes
from talkpath.experiment.seeds import derive, generator, session_key
from talkpath.lab.drivers.sim import Sim
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Epoch, Facts, Plan
from talkpath.verdict.model import Question

RUNS, DRAWS = 6, 16
SIGMAS = 2.57  # nineteen checks of twenty stray no further (Student's t with RUNS - 1 degrees of freedom)


class Cost(NamedTuple):
    """Of one epoch: its arm, bytes of IP packets up and down, the variance of their sum, and packets both ways."""

    arm: Arm
    up: float
    down: float
    variance: float
    packets: int
    flows: int
    seconds: float


class Play(NamedTuple):
    """One rehearsal: its epochs, the control channel's bytes each way, and how long it took."""

    costs: list[Cost]
    control: tuple[int, int]
    seconds: float

    @property
    def total_bytes(self) -> float:
        """IP bytes of both directions, the control channel's among them."""
        return sum(cost.up + cost.down for cost in self.costs) + sum(self.control)


def rehearse(plan: Plan) -> dict[str, Any]:
    """{"arms": [row], "total": row, "local_ports": n, "within_pct": p}; a row has arm, flows, packets, bytes_sent,
    bytes_received, seconds. The total's bytes include the control channel; nineteen checks of twenty on a clean line
    stay within `within_pct` of them."""
    plays = [_play(plan, seed) for seed in range(RUNS)]
    planned = [each.arm for each in plan.arms]
    costs = [cost for play in plays for cost in play.costs]
    total = _row("all", costs)
    total["bytes_sent"] += round(fmean(play.control[0] for play in plays))
    total["bytes_received"] += round(fmean(play.control[1] for play in plays))
    total["seconds"] = round(fmean(play.seconds for play in plays), 1)
    arms = [_row(str(arm).replace("/", " "), [cost for cost in costs if cost.arm == arm]) for arm in planned]
    return {
        "schema": "talkpath.plan/1",
        "arms": arms,
        "total": total,
        "local_ports": LOCAL_PORTS,
        "within_pct": _spread_pct(plays),
    }


def _play(plan: Plan, seed: int) -> Play:
    asks: list[Question] = []

    def note(word: str, facts: Facts, ask: Question | None) -> None:
        if ask is not None:
            asks.append(ask)

    check = Check(plan, Random(f"rehearsal {seed}").randbytes(32), progress=note)
    facts = Sim(check, Scenario.parse("clean", (), seed).network(), seed).run()
    assert check.session.welcome is not None  # the line is clean
    key = session_key(check.seed, check.session.welcome.seed)
    costs = [_cost(epoch, asks[epoch.number].packets, derive(key, "epoch", epoch.number)) for epoch in facts.epochs]
    control = (
        facts.bytes_sent - sum(sum(_sent(epoch, "up")) for epoch in facts.epochs),
        facts.bytes_received - sum(sum(_sent(epoch, "down")) for epoch in facts.epochs),
    )
    return Play(costs, control, facts.duration_s)


def _sent(epoch: Epoch, direction: Direction) -> list[int]:
    """Bytes that each flow sent in the rehearsal itself."""
    track = epoch.up if direction == "up" else epoch.down
    mine = [flow for flow in epoch.flows if flow.direction == direction]
    flows = [(flow.transport, int.from_bytes(flow.sent, "little")) for flow in mine]
    return [
        sum(size + AROUND_BYTES[4][kind] for bit, size in enumerate(track.size) if sent >> bit & 1)
        for kind, sent in flows
    ]


def _cost(epoch: Epoch, packets: int, seed: bytes) -> Cost:
    """What the rehearsal sent, times how much more a flow of the same schedule costs in other draws."""
    shape = shapes()[epoch.arm]
    ours = flow_bytes(shape.schedule(generator(seed, "schedule"), packets))  # as experiment.layout draws it
    draws = [flow_bytes(shape.schedule(Random(f"{epoch.number} {n}"), packets)) for n in range(DRAWS)]
    up, down = _sent(epoch, "up"), _sent(epoch, "down")
    return Cost(
        arm=epoch.arm,
        up=sum(up) * fmean(draw[0] for draw in draws) / ours[0],
        down=sum(down) * fmean(draw[1] for draw in draws) / ours[1],
        variance=pvariance([sum(draw) for draw in draws]) * len(up) ** 2,
        packets=sum(int.from_bytes(flow.sent, "little").bit_count() for flow in epoch.flows),
        flows=len(up),
        seconds=epoch.ended_s - epoch.started_s,
    )


def _row(name: str, costs: Sequence[Cost]) -> dict[str, Any]:
    """The mean over the rehearsals, whose epochs `costs` are."""
    return {
        "arm": name,
        "flows": round(sum(cost.flows for cost in costs) / RUNS),
        "packets": round(sum(cost.packets for cost in costs) / RUNS),
        "bytes_sent": round(sum(cost.up for cost in costs) / RUNS),
        "bytes_received": round(sum(cost.down for cost in costs) / RUNS),
        "seconds": round(sum(cost.seconds for cost in costs) / RUNS, 1),
    }


def _spread_pct(plays: Sequence[Play]) -> float:
    """From the deviation of one check: that of its draws, and that between the rehearsals."""
    totals = [play.total_bytes for play in plays]
    if not any(totals):
        return 0.0
    drawn = fmean(sum(cost.variance for cost in play.costs) for play in plays)
    return round(100 * SIGMAS * sqrt(drawn + variance(totals)) / fmean(totals), 1)
