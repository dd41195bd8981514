"""How well losses are explained by a packet's place in its call alone, whatever the rule, or by the time of the check.

A rule that nobody thought of, as one that drops only the first packets of a call, or some of every hundred, is best
explained by a rule of the registry that loses about as much. Its misfit shows beside a model without a mechanism: the
calls' chance of loss stays the same from one place to the next, or changes to any other one, at a price. Places are
counted in packets or in seconds from the call's beginning, in each direction, of set-up, media, and the rest apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product

import numpy as np

from talkpath.measure.arrays import Bits, Floats
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.direction_losses import DirectionLosses
from talkpath.verdict.rules.rule import PARAMETER_PRICE_NATS, SURE_LOSS

PLACE_CHANCES = np.array([0.0, 0.03, 0.08, 0.17, 0.3, 0.45, 0.6, 0.75, 0.88, 0.96, SURE_LOSS])
CHANGE_CHANCE = 2.0 * PARAMETER_PRICE_NATS  # the price of a place and of a chance
TICK_S = 0.02
_START = np.where(PLACE_CHANCES > 0.0, -PARAMETER_PRICE_NATS, 0.0)

SlotsOf = Callable[[DirectionLosses], Bits]
KINDS_OF_SLOTS: tuple[SlotsOf, ...] = (
    lambda losses: ~losses.on("media", "control"),
    lambda losses: losses.media,
    lambda losses: losses.on("control"),
)
"""Set-up, media, and what keeps a call alive: each has chances of its own."""

PlacesOf = Callable[[DirectionLosses, Bits], Floats]
PLACES_IN_CALL: tuple[PlacesOf, ...] = (
    lambda losses, chosen: np.arange(chosen.sum(), dtype=np.float64),
    lambda losses, chosen: np.floor(losses.at_s[chosen] / TICK_S),
)
"""By count, and by time."""


def gain_by_place(view: ArmView, *, setup: bool = True) -> float:
    """Return the gain of losses by place in the call, in packets or in seconds, whichever is more; of set-up as well
    or not."""
    return max(_place_gain(view, place, setup=setup) for place in PLACES_IN_CALL)


def gain_by_time(view: ArmView, *, setup: bool = True) -> float:
    """Return the gain of losses by the time of the check: of a rule that is in force now and then."""
    return _place_gain(view, _ticks_of_check, setup=setup)


def times_in_force(view: ArmView) -> tuple[tuple[float, float], ...]:
    """Return when calls lose more media than twins, by the most likely path through the chances: spans (from, to) in
    seconds of the check."""
    ticks, sums = _by_place([(losses, losses.media) for losses in view.losses], _ticks_of_check)
    paths, origins = _START, []
    for here in sums:
        stays = paths >= paths.max() - CHANGE_CHANCE
        origins.append(np.where(stays, np.arange(len(PLACE_CHANCES)), paths.argmax()))
        paths = np.maximum(paths, paths.max() - CHANGE_CHANCE) + here
    chance, acts = int(paths.argmax()), np.zeros(len(ticks) + 2, np.bool_)
    for at in range(len(ticks), 0, -1):
        acts[at] = PLACE_CHANCES[chance] > 0.0
        chance = origins[at - 1][chance]
    begins, ends = (np.flatnonzero(np.diff(acts.astype(np.int8)) == step) for step in (1, -1))
    spans = TICK_S * np.column_stack([ticks[begins], ticks[ends - 1] + 1.0])
    return tuple((float(from_s), float(to_s)) for from_s, to_s in spans)


def _place_gain(view: ArmView, place: PlacesOf, *, setup: bool) -> float:
    groups = ([each for each in view.losses if each.direction == direction] for direction in view.directions)
    kinds = KINDS_OF_SLOTS if setup else KINDS_OF_SLOTS[1:]
    return sum(_most_likely(group, kind, place) for group, kind in product(groups, kinds))


def _ticks_of_check(losses: DirectionLosses, chosen: Bits) -> Floats:
    return np.floor((losses.epoch.started_s + losses.at_s[chosen]) / TICK_S)


def _most_likely(group: Iterable[DirectionLosses], kind: SlotsOf, place: PlacesOf) -> float:
    """Return the gain of the most likely path through the chances, from place to place (Viterbi 1967)."""
    _, sums = _by_place([(losses, kind(losses)) for losses in group], place)
    paths = _START
    for here in sums:
        paths = np.maximum(paths, paths.max() - CHANGE_CHANCE) + here
    return float(paths.max())


def _by_place(chosen: Sequence[tuple[DirectionLosses, Bits]], place: PlacesOf) -> tuple[Floats, Floats]:
    """Return the places of these slots, ascending, and the gains of all slots at each with each of the chances (places,
    chances)."""
    places = np.concatenate([np.zeros(0), *(place(*each) for each in chosen)])
    terms = [losses.gains(PLACE_CHANCES[:, None], np.flatnonzero(slots)) for losses, slots in chosen]
    found, numbers = np.unique(places, return_inverse=True)
    sums = [np.bincount(numbers, row) for row in np.concatenate([np.zeros((len(PLACE_CHANCES), 0)), *terms], axis=1)]
    return found, np.transpose(sums)
