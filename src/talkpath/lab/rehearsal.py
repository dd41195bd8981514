"""A check rehearsed in virtual time on a clean line: what `check --dry-run` tells of its cost."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from talkpath.conduct.check import LOCALS, Check
from talkpath.experiment.budget import HEADER_BYTES
from talkpath.experiment.layout import PATH_LOCALS
from talkpath.lab.scenario import Scenario
from talkpath.lab.sim import Sim
from talkpath.measure.facts import Epoch, Facts, Plan


def rehearse(plan: Plan, seed: int = 1) -> dict[str, Any]:
    """{"arms": [row], "total": row, "local_ports": n}; a row has arm, flows, packets, bytes_sent, bytes_received,
    seconds. The total's bytes include the control channel."""
    check = Check(plan, Random(seed).randbytes(32))
    facts = Sim(check, Scenario.parse("clean", (), seed).network(), seed).run()
    rows = [_row(f"{a.app} {a.variant} {a.medium}", _of(facts, (a.app, a.variant, a.medium))) for a in plan.arms]
    total = _row("all", facts.epochs)
    total |= {"bytes_sent": facts.bytes_sent, "bytes_received": facts.bytes_received}
    total["seconds"] = round(facts.duration_s, 1)
    return {"schema": "talkpath.plan/1", "arms": rows, "total": total, "local_ports": LOCALS + PATH_LOCALS}


def _of(facts: Facts, arm: tuple[str, str, str]) -> list[Epoch]:
    return [epoch for epoch in facts.epochs if epoch.arm == arm]


def _row(name: str, epochs: Sequence[Epoch]) -> dict[str, Any]:
    sent = {"up": [0, 0], "down": [0, 0]}
    for epoch in epochs:
        for flow in epoch.flows:
            track = epoch.up if flow.direction == "up" else epoch.down
            bits = int.from_bytes(flow.sent, "little")
            sizes = [size + HEADER_BYTES[4] for bit, size in enumerate(track.size) if bits >> bit & 1]
            sent[flow.direction][0] += len(sizes)
            sent[flow.direction][1] += sum(sizes)
    return {
        "arm": name,
        "flows": sum(len(epoch.flows) for epoch in epochs) // 2,
        "packets": sent["up"][0] + sent["down"][0],
        "bytes_sent": sent["up"][1],
        "bytes_received": sent["down"][1],
        "seconds": round(sum(epoch.ended_s - epoch.started_s for epoch in epochs), 1),
    }
