"""`media.size_drop` (M16): media packets above a size are dropped, so that voice works and video does not."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np

from talkpath.apps.contract.shape import Direction
from talkpath.measure.arrays import Bits, Floats
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.direction_losses import DirectionLosses
from talkpath.verdict.model import Number
from talkpath.verdict.rules.directions import GridPoint, best_point, directions_of
from talkpath.verdict.rules.rule import (
    GAIN_ROUNDING_NATS,
    MEDIA_ONSETS,
    PARAMETER_PRICE_NATS,
    SURE_LOSS,
    Fit,
    Parameter,
    Parameters,
    Rule,
)
from talkpath.verdict.statistics.proportion import extra_share
from talkpath.wire.control.question import RateContrast

SIZE_DROP_CHANCES = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, SURE_LOSS])
ROUGH_ONSETS = np.array([0, 10, 20, 40])  # tried with every size; then all ONSETS with the best one
PARTIAL_NATS = 12.0  # the price of dropping only some large packets: a policer does so as well
LIKELY_LIMIT_NATS = 3.0  # 95 %, and some margin for packets lost elsewhere


def explain(view: ArmView) -> Fit | None:
    """Fit the best limit between two sizes that calls sent."""
    sizes = _media_sizes(view, "both")
    if len(sizes) < 2:
        return None
    limits = sizes[:-1]
    onsets = _onsets_tried(view, limits)
    found = _best_limit(view, limits, onsets)
    if found is None or found.gain <= PARAMETER_PRICE_NATS:
        return None
    return Fit(found.gain - PARAMETER_PRICE_NATS, found.direction, lambda: _measure_limit(view, limits, onsets, found))


def at_most(view: ArmView) -> float:
    """Return an upper bound of the fit's gain: the gain if packets of each slot had the chance that fits them best, but
    for those of the smallest size."""
    least = _media_sizes(view, "both").min(initial=np.inf)
    bounds = (_at_most(losses, float(least)) for losses in view.losses if losses.direction in view.worse)
    return sum(bounds) - PARAMETER_PRICE_NATS + GAIN_ROUNDING_NATS


@lru_cache(maxsize=256)
def _at_most(losses: DirectionLosses, least: float) -> float:
    dropped = losses.on("control") | (losses.media & (losses.size > least))
    return float(losses.best_gains(SURE_LOSS)[dropped].sum())


def _onsets_tried(view: ArmView, limits: Floats) -> Floats:
    """Return no onset, and the one after which calls were recognised if the best limit is right."""
    rough = _best_limit(view, limits, ROUGH_ONSETS)
    fine = _best_onset(view, float(limits[rough.point % len(limits)] if rough else limits[0]))
    return np.unique([0, MEDIA_ONSETS[fine.point % len(MEDIA_ONSETS)] if fine else 0])


def _best_limit(view: ArmView, limits: Floats, onsets: Floats) -> GridPoint | None:
    return best_point(view, lambda losses: _limit_gains(losses, limits, onsets), price=_limit_price(limits, onsets))


def _best_onset(view: ArmView, limit: float) -> GridPoint | None:
    return best_point(
        view, lambda losses: _gains_of_limit(losses, limit), price=_limit_price(np.array([limit]), MEDIA_ONSETS)
    )


def fit_with_limit(view: ArmView, over: Number) -> Fit | None:
    """Fit a size limit that another arm showed to this arm, all of whose packets may be above it."""
    found = _best_onset(view, over.estimate or 0.0)
    if found is None:
        return None
    chance, onset = divmod(found.point, len(MEDIA_ONSETS))
    dropped = partial(
        _share_dropped, view, directions_of(found.direction), over.high or 0.0, float(MEDIA_ONSETS[onset])
    )
    return Fit(
        found.gain, found.direction, lambda: {"over": over, "p": dropped(SIZE_DROP_CHANCES[chance] == SURE_LOSS)}
    )


def _limit_gains(losses: DirectionLosses, limits: Floats, onsets: Floats) -> Floats:
    """Return the gains (chances x onsets x limits,). A call may be recognised only after some packets, and only some of
    the large packets may be dropped. Each kind of keepalive or report is treated like media or not at all, whichever
    fits; without media that are dropped they show no size."""
    gains = np.zeros((len(SIZE_DROP_CHANCES), len(onsets), len(limits)))
    for place, onset in enumerate(onsets):
        media, control = (part.than(limits) for part in _larger_packets(losses, int(onset)))
        gains[:, place] = media + control * (media > 0.0)
    return gains.ravel()


@lru_cache(maxsize=256)
def _gains_of_limit(losses: DirectionLosses, limit: float) -> Floats:
    """Return `_limit_gains` of one limit and all ONSETS, from sums over the slots in order of the packets before
    them."""
    larger = losses.size > limit
    media = gains = _after_onsets(losses, losses.media & larger)
    control = losses.on("control") & larger
    for size in np.unique(losses.size[control]):
        gains = gains + np.maximum(0.0, _after_onsets(losses, control & (losses.size == size))) * (media > 0.0)
    return gains.ravel()


def _after_onsets(losses: DirectionLosses, chosen: Bits) -> Floats:
    """Return the sums (chances, ONSETS) of the terms of the `chosen` slots beyond each onset."""
    slots = np.flatnonzero(chosen)
    slots = slots[np.argsort(-losses.before[slots], kind="stable")]
    beyond = np.searchsorted(-losses.before[slots], -MEDIA_ONSETS, side="left")
    sums = _limit_terms(losses)[:, slots].cumsum(axis=1)
    return np.concatenate([np.zeros((len(SIZE_DROP_CHANCES), 1)), sums], axis=1)[:, beyond]


class Larger(NamedTuple):
    """Sizes, ascending, and the sums of gains (chances, sizes + 1) of each size with all that are larger."""

    sizes: Floats
    sums: Floats

    def than(self, limits: Floats) -> Floats:
        """Return the sums (chances, limits) of all that is larger than each limit."""
        return np.asarray(self.sums[..., np.searchsorted(self.sizes, limits, side="right")])


@lru_cache(maxsize=2048)
def _larger_packets(losses: DirectionLosses, onset: int) -> tuple[Larger, Larger]:
    """Sum up media, and keepalives and reports, once for each epoch: a mechanism is named again after every epoch."""
    terms, known = _limit_terms(losses), losses.before > onset
    sizes, sums = losses.by_size(terms, losses.media & known)
    kinds, sums_of_kinds = losses.by_size(terms, losses.on("control") & known)
    return Larger(sizes, _from_above(sums)), Larger(kinds, _from_above(np.maximum(0.0, sums_of_kinds)))


@lru_cache(maxsize=256)
def _limit_terms(losses: DirectionLosses) -> Floats:
    return losses.gains(SIZE_DROP_CHANCES[:, None])


def _from_above(sums: Floats) -> Floats:
    return np.concatenate([sums[..., ::-1].cumsum(axis=-1)[..., ::-1], np.zeros((*sums.shape[:-1], 1))], axis=-1)


def _limit_price(limits: Floats, onsets: Floats) -> Floats:
    """Return the price of a chance and of an onset, (chances x onsets x limits,)."""
    return np.asarray(
        np.add.outer(
            PARTIAL_NATS * (SIZE_DROP_CHANCES < SURE_LOSS), PARAMETER_PRICE_NATS * np.repeat(onsets > 0, len(limits))
        )
    ).ravel()


def _media_sizes(view: ArmView, direction: str) -> Floats:
    """Return the sizes of media packets that calls sent, ascending."""
    sent = [
        np.unique(losses.size[losses.media & (losses.sent > 0)])
        for losses in view.losses
        if direction in ("both", losses.direction)
    ]
    return np.unique(np.concatenate(sent)) if sent else np.zeros(0)


def _measure_limit(view: ArmView, limits: Floats, onsets: Floats, found: GridPoint) -> Parameters:
    """Estimate the limit: between the largest packet that passes and the smallest that is dropped, over the limits that
    fit nearly as well."""
    hit = directions_of(found.direction)
    every = np.sum([_limit_gains(losses, limits, onsets) for losses in view.losses if losses.direction in hit], axis=0)
    gains = (every - _limit_price(limits, onsets)).reshape(-1, len(limits)).max(axis=0)
    likely = limits[gains >= found.gain - LIKELY_LIMIT_NATS]
    sizes = np.unique(np.concatenate([_media_sizes(view, direction) for direction in hit]))
    passed, dropped = sizes[sizes <= likely.min()], sizes[sizes > likely.max()]
    low, high = float(passed.max(initial=0.0)), float(dropped.min(initial=65535.0))
    onset = float(onsets[found.point // len(limits) % len(onsets)])
    every_one = SIZE_DROP_CHANCES[found.point // (len(limits) * len(onsets))] == SURE_LOSS
    share = _share_dropped(view, hit, float(likely.max()), onset, every_one)
    return {"over": Number((low + high) / 2, low, high), "p": share}


def _share_dropped(view: ArmView, hit: Sequence[Direction], limit: float, onset: float, every_one: bool) -> Number:
    """Estimate which share of the larger media packets is dropped, beside what the line loses of twins. Where
    `every_one` is, those that passed were not recognised yet."""
    lost = sent = expected = 0.0
    for losses in (each for each in view.losses if each.direction in hit):
        larger = losses.media & (losses.size > limit) & (losses.before > onset)
        lost, sent = lost + losses.lost[larger].sum(), sent + losses.sent[larger].sum()
        expected += (losses.sent * losses.chance)[larger].sum()
    found = extra_share((round(lost), round(sent)), (round(expected), round(sent)))
    return Number(1.0, found.low, 1.0) if every_one else Number(*found)


RULE = Rule(
    id="media.size_drop",
    state="restricted",
    mechanisms=("M16",),
    means="Large packets of calls are dropped: voice lives, video dies.",
    shown_by=(
        "Packets above a size are lost, smaller ones of the same flows pass at the twins' rate, whatever the pace."
    ),
    explain=explain,
    parameters=(
        Parameter("over", "bytes", "of UDP payload: up to here packets pass"),
        Parameter("p", "share", "of the larger packets that are dropped"),
    ),
    contrasts=(RateContrast(0.5),),
    loses_media=True,
    at_most=at_most,
)
