"""A check rehearsed in virtual time on a clean line: what `check --dry-run` tells of its cost.

The rehearsal asks what the real check will ask; but packet sizes are drawn anew in each check, so every epoch's bytes
are told as their mean over many draws, with how far the sum of a check may stray from that.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from random import Random
from statistics import fmean, pvariance
from typing import Any, NamedTuple

from talkpath.apps import shapes
from talkpath.apps.shape import Arm
from talkpath.conduct.check import LOCAL_PORTS, Check
from talkpath.experiment.budget import HEADER_BYTES, flow_bytes
from talkpath.experiment.seeds import derive, generator, session_key
from talkpath.lab.scenario import Scenario
from talkpath.lab.sim import Sim
from talkpath.measure.facts import Direction, Epoch, Facts, Plan
from talkpath.verdict.model import Ask

DRAWS = 24
SIGMAS = 2.0  # nineteen checks of twenty stray no further


class Cost(NamedTuple):
    """Of one epoch: its arm, bytes of IP packets up and down, the variance of their sum, and packets both ways."""

    arm: tuple[str, str, str]
    up: float
    down: float
    variance: float
    packets: int
    flows: int
    seconds: float


def rehearse(plan: Plan, seed: int = 1) -> dict[str, Any]:
    """{"arms": [row], "total": row, "local_ports": n, "within_pct": p}; a row has arm, flows, packets, bytes_sent,
    bytes_received, seconds. The total's bytes include the control channel; nineteen checks of twenty on a clean line
    stay within `within_pct` of them."""
    asks: list[Ask] = []

    def note(word: str, facts: Facts, ask: Ask | None) -> None:
        if ask is not None:
            asks.append(ask)

    check = Check(plan, Random(seed).randbytes(32), progress=note)
    facts = Sim(check, Scenario.parse("clean", (), seed).network(), seed).run()
    assert check.session.welcome is not None  # the line is clean
    key = session_key(check.seed, check.session.welcome.seed)
    costs = [_cost(epoch, asks[epoch.number].packets, derive(key, "epoch", epoch.number)) for epoch in facts.epochs]
    keys = [(arm.app, arm.variant, arm.medium) for arm in plan.arms]
    total = _row("all", costs)
    total["bytes_sent"] += facts.bytes_sent - sum(sum(_sent(epoch, "up")) for epoch in facts.epochs)
    total["bytes_received"] += facts.bytes_received - sum(sum(_sent(epoch, "down")) for epoch in facts.epochs)
    total["seconds"] = round(facts.duration_s, 1)
    return {
        "schema": "talkpath.plan/1",
        "arms": [_row(" ".join(key), [cost for cost in costs if cost.arm == key]) for key in keys],
        "total": total,
        "local_ports": LOCAL_PORTS,
        "within_pct": _spread_pct(costs, total["bytes_sent"] + total["bytes_received"]),
    }


def _sent(epoch: Epoch, direction: Direction) -> list[int]:
    """Bytes that each flow sent in the rehearsal itself."""
    track = epoch.up if direction == "up" else epoch.down
    flows = [int.from_bytes(flow.sent, "little") for flow in epoch.flows if flow.direction == direction]
    sizes = [size + HEADER_BYTES[4] for size in track.size]
    return [sum(size for bit, size in enumerate(sizes) if sent >> bit & 1) for sent in flows]


def _cost(epoch: Epoch, packets: int, seed: bytes) -> Cost:
    """What the rehearsal sent, times how much more a flow of the same schedule costs in other draws."""
    shape = shapes()[Arm(*epoch.arm)]  # type: ignore[arg-type]
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
    return {
        "arm": name,
        "flows": sum(cost.flows for cost in costs),
        "packets": sum(cost.packets for cost in costs),
        "bytes_sent": round(sum(cost.up for cost in costs)),
        "bytes_received": round(sum(cost.down for cost in costs)),
        "seconds": round(sum(cost.seconds for cost in costs), 1),
    }


def _spread_pct(costs: Sequence[Cost], total_bytes: int) -> float:
    spread_bytes = SIGMAS * sqrt(sum(cost.variance for cost in costs))
    return round(100 * spread_bytes / total_bytes, 1) if total_bytes else 0.0
