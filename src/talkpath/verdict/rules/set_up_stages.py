"""Shared by rules that drop set-up messages: everything of one stage is lost, the rest of the same flows passes."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

from talkpath.apps.contract.shape import Direction
from talkpath.measure.arrays import Floats
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.direction_losses import DirectionLosses
from talkpath.verdict.rules.rule import PARAMETER_PRICE_NATS, SURE_LOSS

Among = Callable[[DirectionLosses], bool]


def stage_gains(view: ArmView, stages: Collection[str], among: Among = lambda losses: True) -> dict[Direction, float]:
    """Return the gain of "all of these stages are dropped", for each direction in which calls sent any of them; or, for
    the price of a parameter, of their messages of some sizes alone, as requests and not answers. Keepalives and reports
    ("control") may be dropped with them or not."""
    gains: dict[Direction, float] = {}
    for losses in view.losses:
        if among(losses):
            for stage in stages:
                chosen = losses.on(stage)
                if losses.sent[chosen].any():
                    kinds = losses.by_size(_gain_if_all_lost(losses), chosen)[1]
                    gain = max(float(kinds.sum()), float(np.maximum(kinds, 0.0).sum()) - PARAMETER_PRICE_NATS)
                    gains[losses.direction] = gains.get(losses.direction, 0.0) + gain
    return {
        direction: gain + _upkeep_gain(view, direction, among) if gain > 0 else gain
        for direction, gain in gains.items()
    }


def _upkeep_gain(view: ArmView, direction: Direction, among: Among) -> float:
    chosen = [losses for losses in view.losses if losses.direction == direction and among(losses)]
    kinds = (losses.by_size(_gain_if_all_lost(losses), losses.on("control"))[1] for losses in chosen)
    return sum(float(np.maximum(0.0, sums).sum()) for sums in kinds)


def _gain_if_all_lost(losses: DirectionLosses) -> Floats:
    return losses.gains(np.array(SURE_LOSS))
