"""Rules that drop set-up messages: everything of one stage dies, the rest of the same flows passes."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

from talkpath.apps.contract.shape import Direction
from talkpath.verdict.flows.arm_view import Side, View
from talkpath.verdict.rules.directions import Floats
from talkpath.verdict.rules.rule import SURE

Among = Callable[[Side], bool]


def stage_gains(view: View, stages: Collection[str], among: Among = lambda side: True) -> dict[Direction, float]:
    """For each direction in which calls sent any of these stages, the gain of "all of them are dropped".

    Each stage counts only where that explains it. Keepalives and reports ("control") may be dropped with them or not.
    """
    gains: dict[Direction, float] = {}
    for side in view.sides:
        if among(side):
            for stage in stages:
                chosen = side.on(stage)
                if side.sent[chosen].any():
                    gains[side.direction] = gains.get(side.direction, 0.0) + float(_sure(side)[chosen].sum())
    return {way: gain + _control(view, way, among) if gain > 0 else gain for way, gain in gains.items()}


def _control(view: View, way: Direction, among: Among) -> float:
    chosen = [side for side in view.sides if side.direction == way and among(side)]
    return sum(max(0.0, float(_sure(side)[kind].sum())) for side in chosen for kind in side.control_kinds())


def _sure(side: Side) -> Floats:
    return side.terms(np.array(SURE))
