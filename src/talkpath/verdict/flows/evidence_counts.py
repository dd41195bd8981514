"""Counts what the strongest test of an arm saw, for the sentence where a call's media fared as its twins'."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import log

import numpy as np

from talkpath.apps.contract.shape import Direction
from talkpath.measure.bitmap import unpack_bitmap
from talkpath.measure.facts import Epoch, Observation
from talkpath.verdict.statistics.cohort import direction_track, is_call, is_twin, may_accuse, pick_observations
from talkpath.verdict.statistics.strength import Strength
from talkpath.verdict.statistics.survival import LIVED_PACKETS, flow_lives


def evidence_counts(strength: Strength, epochs: Sequence[Epoch]) -> dict[str, float]:
    """How many calls' and twins' `reports_up` (or `_down`: keepalives and reports), `set_ups` or `flows` were counted,
    and how many of these were lost, unanswered or went silent; empty where the strongest test is about delay."""
    top = max(strength.parts, key=lambda part: part.log_e + log(part.weight))
    name = {"loss": f"reports_{top.direction}", "setup": "set_ups", "kill": "flows"}.get(top.name)
    found: Counter[str] = Counter()
    for epoch in filter(may_accuse, epochs) if name else ():
        for role, total, failed in _counted(epoch, top.name, top.direction):
            found[f"{role}_{name}"] += total
            found[f"{role}_{name}_failed"] += failed
    return {key: float(value) for key, value in found.items()}


def _counted(epoch: Epoch, part: str, direction: Direction | None) -> Iterator[tuple[str, int, int]]:
    """(role, counted, failed) of each flow that the part compares."""
    if part == "kill":
        lived = [life for life in flow_lives(epoch) if life.unheard or life.packets >= LIVED_PACKETS]
        yield from ((_role(life.flow), 1, life.died_s is not None) for life in lived if _role(life.flow))
    elif part == "setup":
        for flow in pick_observations(epoch, "up", is_call, is_twin):
            yield _role(flow), len(flow.answered), list(flow.answered.values()).count(False)
    elif direction and not epoch.missing:
        reports = np.array([stage == "control" for stage in direction_track(epoch, direction).stage], np.bool_)
        for flow in pick_observations(epoch, direction, is_call, is_twin):
            sent, arrived = (unpack_bitmap(bitmap, len(reports)) & reports for bitmap in (flow.sent, flow.arrived))
            yield _role(flow), int(sent.sum()), int((sent & ~arrived).sum())


def _role(flow: Observation) -> str:
    return "calls" if is_call(flow) else "twins" if is_twin(flow) else ""
