"""Which way a rule acts: up, down or both, with parameters that both ways share."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from talkpath.apps.contract.shape import AffectedDirections, Direction
from talkpath.verdict.flows.arm_view import Side, View
from talkpath.verdict.model import Number

Floats = NDArray[np.float64]

BOTH_NATS = 2.0  # how much the second way must add


class Best(NamedTuple):
    """The best point of a grid: its gain, its number, and the way."""

    gain: float
    point: int
    direction: AffectedDirections


def total(view: View, direction: Direction, gains: Callable[[Side], Floats]) -> Floats | None:
    """The gains of all sides of a direction together; None where there is none, or calls fare no worse."""
    found = [gains(side) for side in view.sides if side.direction == direction and direction in view.worse]
    return np.sum(found, axis=0) if found else None


def best(
    view: View, gains: Callable[[Side], Floats], *, apart: bool = False, price: Floats | float = 0.0
) -> Best | None:
    """`gains` gives (points,) for one side. The best point over up, down, and both together.

    With `apart` each way has a best point of its own (the one returned is up's). Points cost `price`.
    """
    up, down = total(view, "up", gains), total(view, "down", gains)
    tried = [_peak(values - price, way) for values, way in ((up, "up"), (down, "down")) if values is not None]
    if not tried:
        return None
    one = max(tried, key=lambda found: found.gain)
    if up is None or down is None:
        return one
    both = (
        Best(sum(found.gain for found in tried), tried[0].point, "both") if apart else _peak(up + down - price, "both")
    )
    return both if both.gain >= one.gain + BOTH_NATS else one


def also(view: View, found: Best | None, gains: Callable[[Side], Floats]) -> Best | None:
    """The same for both ways, where the same point explains the other way as well although the exact test is blind
    there, as where single 5-tuples are bad. Only for rules that leave no room: what lives beyond the point speaks
    against it."""
    if found is None or found.direction == "both" or len(view.worse) == len(view.ways):
        return found
    other = sum(float(gains(side)[found.point]) for side in view.sides if side.direction != found.direction)
    return Best(found.gain + other, found.point, "both") if other >= BOTH_NATS else found


def _peak(values: Floats, way: str) -> Best:
    index = int(np.argmax(values))
    return Best(float(values[index]), index, way)  # type: ignore[arg-type]


def ways(direction: AffectedDirections) -> tuple[Direction, ...]:
    """The single directions."""
    return ("up", "down") if direction == "both" else (direction,)


def joined(numbers: list[Number]) -> Number:
    """One number for both ways: the mean of the estimates, an interval that holds both intervals."""
    estimates = [n.estimate for n in numbers if n.estimate is not None]
    lows, highs = [n.low for n in numbers], [n.high for n in numbers]
    return Number(
        sum(estimates) / len(estimates) if estimates else None,
        min((low for low in lows if low is not None), default=None) if None not in lows else None,
        max((high for high in highs if high is not None), default=None) if None not in highs else None,
    )
