"""Chooses in which directions a rule acts: up, down or both, with parameters that both share."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from talkpath.apps.contract.shape import AffectedDirections, Direction
from talkpath.measure.arrays import Floats
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.direction_losses import DirectionLosses
from talkpath.verdict.model import Number
from talkpath.verdict.statistics.interval import directions_of

__all__ = ["Floats", "GridPoint", "best_point", "directions_of", "joined_number", "summed_gains", "widened_to_both"]


BOTH_NATS = 2.0  # how much the second direction must add


class GridPoint(NamedTuple):
    """The best point of a grid of parameters: its gain, its number, and the directions it acts in."""

    gain: float
    point: int
    direction: AffectedDirections


def summed_gains(view: ArmView, direction: Direction, gains: Callable[[DirectionLosses], Floats]) -> Floats | None:
    """Sum the gains of all losses in one direction; None if there are no losses, or calls fare no worse there."""
    found = [gains(losses) for losses in view.losses if losses.direction == direction and direction in view.worse]
    return np.sum(found, axis=0) if found else None


def best_point(
    view: ArmView, gains: Callable[[DirectionLosses], Floats], *, price: Floats | float = 0.0
) -> GridPoint | None:
    """Return the best point over up, down, and both together. `gains` gives (points,) for the losses of one direction;
    points cost `price`."""
    up, down = summed_gains(view, "up", gains), summed_gains(view, "down", gains)
    tried = [
        _peak_gain(values - price, direction)
        for values, direction in ((up, "up"), (down, "down"))
        if values is not None
    ]
    if not tried:
        return None
    single = max(tried, key=lambda point: point.gain)
    if up is None or down is None:
        return single
    both = _peak_gain(up + down - price, "both")
    return both if both.gain >= single.gain + BOTH_NATS else single


def widened_to_both(
    view: ArmView, found: GridPoint | None, gains: Callable[[DirectionLosses], Floats]
) -> GridPoint | None:
    """Return the same point for both directions, if it also explains the one in which the exact test shows nothing, as
    where single 5-tuples are outliers. Only for rules under which all is lost beyond the point, so that any packet that
    arrives there is evidence against it."""
    if found is None or found.direction == "both" or len(view.worse) == len(view.directions):
        return found
    other = sum(float(gains(losses)[found.point]) for losses in view.losses if losses.direction != found.direction)
    return GridPoint(found.gain + other, found.point, "both") if other >= BOTH_NATS else found


def _peak_gain(values: Floats, direction: str) -> GridPoint:
    index = int(np.argmax(values))
    return GridPoint(float(values[index]), index, direction)  # type: ignore[arg-type]


def joined_number(numbers: list[Number]) -> Number:
    """Return one number for both directions: the mean of the estimates, and an interval that contains both
    intervals."""
    estimates = [n.estimate for n in numbers if n.estimate is not None]
    lows, highs = [n.low for n in numbers], [n.high for n in numbers]
    return Number(
        estimate=sum(estimates) / len(estimates) if estimates else None,
        low=min((low for low in lows if low is not None), default=None) if None not in lows else None,
        high=max((high for high in highs if high is not None), default=None) if None not in highs else None,
    )
