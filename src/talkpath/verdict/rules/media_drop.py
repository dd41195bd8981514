"""`media.drop` (M02, M08, M17): packets of a recognised call are dropped at random with probability p.

Shown by loss that depends on none of a packet's index, size and rate, once the flow was recognised (the onset).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import sqrt

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from talkpath.apps.contract.shape import AffectedDirections, Direction
from talkpath.measure.arrays import Floats
from talkpath.measure.bitmap import pack_bitmap
from talkpath.measure.facts import Epoch
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.direction_losses import DirectionLosses, flow_arrivals, losses_of
from talkpath.verdict.model import Number
from talkpath.verdict.rules.bucket_gains import twins_are_policed
from talkpath.verdict.rules.directions import BOTH_NATS, directions_of, joined_number, summed_gains
from talkpath.verdict.rules.rule import MEDIA_ONSETS, PARAMETER_PRICE_NATS, SURE_LOSS, Fit, Parameter, Parameters, Rule
from talkpath.verdict.statistics.cohort import DIRECTIONS, direction_track
from talkpath.verdict.statistics.interval import extra_loss, overall_loss
from talkpath.wire.control.question import HelloContrast, RateContrast

LOW_CHANCES = (0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.14, 0.18, 0.23, 0.28, 0.34, 0.4, 0.46)
HIGH_CHANCES = (0.52, 0.58, 0.64, 0.7, 0.76, 0.82, 0.87, 0.91, 0.94, 0.965, 0.985, SURE_LOSS)
DROP_CHANCES = np.array([*LOW_CHANCES, *HIGH_CHANCES])
PARTS, LEAST_PARTS = 4, 8  # of an epoch, and in all
CLEAN, LEAST_AFTER = 0.02, 20  # share that twins lose; packets after a loss
PARTS_DIFFER = 2.0  # times what chance explains
LIKELY_NATS, LIKELY = 3.0, 0.01  # 95 %, or of the best gain: calls of one epoch are recognised at different packets


def explain(view: ArmView) -> Fit | None:
    """Fit the best onset (packets both ways), with the best p in each direction."""
    found = {direction: gains for direction in view.worse if (gains := _peak_gains(view, direction)) is not None}
    if not found:
        return None
    late = PARAMETER_PRICE_NATS * (MEDIA_ONSETS > 0)
    shared = np.sum([np.maximum(gains, 0.0) for gains in found.values()], axis=0) - late
    onset = int(np.argmax(shared))
    most: Direction = max(found, key=lambda direction: float(found[direction][onset]))
    if shared[onset] <= 0.0:
        return None
    hit = [direction for direction in found if direction == most or found[direction][onset] >= BOTH_NATS]
    direction: AffectedDirections = hit[0] if len(hit) == 1 else "both"
    likely = MEDIA_ONSETS[shared >= shared[onset] - max(LIKELY_NATS, LIKELY * shared[onset])]
    onsets = [int(each) for each in dict.fromkeys((MEDIA_ONSETS[onset], likely.min(), likely.max()))]
    return Fit(float(shared[onset]), direction, lambda: _measure_chance(view, direction, onsets))


def _peak_gains(view: ArmView, direction: Direction) -> Floats | None:
    """Return the gain with the best p (onsets,), less the price of p. Dropping everything from the first packet on has
    no free parameter and costs nothing; from a later one on it is `media.freeze`."""
    grid = summed_gains(view, direction, _drop_gains)
    price = np.where(DROP_CHANCES[:, None] < SURE_LOSS, PARAMETER_PRICE_NATS, np.where(MEDIA_ONSETS > 0, np.inf, 0.0))
    return None if grid is None else np.asarray((grid - price).max(axis=0))


@lru_cache(maxsize=256)
def _drop_gains(losses: DirectionLosses) -> Floats:
    """Return the gains (chances, onsets). Each kind of keepalive or report is dropped like media or not at all,
    whichever fits; where no media are, none is dropped by this rule."""
    terms, late = losses.gains(DROP_CHANCES[:, None]), losses.before[:, None] > MEDIA_ONSETS
    gains, control = terms @ (losses.media[:, None] & late), losses.on("control")
    for onset in range(len(MEDIA_ONSETS) if control.any() else 0):
        _, kinds = losses.by_size(terms, control & late[:, onset])
        gains[:, onset] += np.maximum(0.0, kinds).sum(axis=1) * (gains[:, onset] > 0.0)
    return np.asarray(gains)


def _measure_chance(view: ArmView, affected: AffectedDirections, onsets: list[int]) -> Parameters:
    """Estimate p for the best onset, with an interval that contains those of the earliest and latest onset nearly as
    good. After the onset no less is dropped than over whole calls, so what is known of those bounds it too."""
    together = affected == "both" and _directions_agree(view, onsets[0])
    directions: tuple[AffectedDirections, ...] = (affected,) if together else directions_of(affected)
    every = [joined_number([_extra_share(view, direction, onset) for direction in directions]) for onset in onsets]
    whole = joined_number(
        [Number(*overall_loss(view.accusing, direction, seed=view.facts.seed)) for direction in directions]
    )
    hull = joined_number(every)
    low, high = max(hull.low or 0.0, whole.low or 0.0), hull.high
    if high is not None and low > high:  # no one p explains both
        low = hull.low or 0.0
    if high is not None:
        for direction in directions_of(affected):
            high = max(high, _highest_part(view, direction, onsets[0]), _after_loss(view, direction))
    estimate = every[0].estimate
    return {"p": Number(estimate if estimate is None else max(estimate, low), low, high)}


def _highest_part(view: ArmView, direction: Direction, onset: int) -> float:
    """Return the upper bound of the half of the parts of calls in which more was dropped; 0 if all parts may have one
    p. A rule may act in cycles, or begin late in each call: p is what it drops while it acts."""
    parts = [
        part
        for epoch in view.explained
        if not isinstance(epoch.question, HelloContrast)
        for part in _parts_in_time(epoch, direction, onset)
    ]
    counts = [
        (_sent_and_lost(part, direction, calls=True), _sent_and_lost(part, direction, calls=False)) for part in parts
    ]
    known = [(part, calls, twins) for part, (calls, twins) in zip(parts, counts, strict=True) if calls[0] and twins[0]]
    if len(known) < LEAST_PARTS or _part_dispersion([(calls, twins) for _, calls, twins in known]) < PARTS_DIFFER:
        return 0.0
    known.sort(key=lambda row: row[1][1] / row[1][0] - row[2][1] / row[2][0])
    return extra_loss([part for part, *_ in known[len(known) // 2 :]], direction, seed=view.facts.seed).high or 0.0


def _after_loss(view: ArmView, direction: Direction) -> float:
    """Return an upper bound of the share of a call's packets that are lost right after one that was; 0 if that is no
    more than of all its packets, or twins lose some as well. Where an address translator moves a call, some packets
    pass until it is recognised again: p is what is dropped from then on. (Three standard errors: a call may be moved
    between the two packets.)"""
    sent = lost = again = after = 0
    for epoch in view.explained:
        media = np.array([stage == "media" for stage in direction_track(epoch, direction).stage], np.bool_)
        twins, twins_lost = _sent_and_lost(epoch, direction, calls=False)
        if twins_lost > CLEAN * max(1, twins):
            return 0.0
        rows, arrived = (each[:, media] for each in flow_arrivals(epoch, direction, calls=True))
        gone = rows & ~arrived
        sent, lost = sent + int(rows.sum()), lost + int(gone.sum())
        after += int((gone[:, :-1] & rows[:, 1:]).sum())
        again += int((gone[:, :-1] & gone[:, 1:]).sum())
    if after < LEAST_AFTER or sent == 0:
        return 0.0
    share = again / after
    error = sqrt(max(share * (1.0 - share), 0.01) / after)
    return min(1.0, share + 3.0 * error) if share - lost / sent > error else 0.0


def _parts_in_time(epoch: Epoch, direction: Direction, onset: int) -> list[Epoch]:
    """Return the epoch several times, each with one part of its media packets after the onset, in order of time."""
    whole = after_onset(epoch, (direction,), onset)
    losses = next((losses for losses in losses_of(epoch) if losses.direction == direction), None)
    slots = np.flatnonzero(losses.media & (losses.before > onset)) if losses is not None else np.zeros(0, np.intp)
    if losses is None or len(slots) < PARTS:
        return []
    return [_only_slots(whole, direction, part, len(losses.stage)) for part in np.array_split(slots, PARTS)]


def _only_slots(epoch: Epoch, direction: Direction, slots: NDArray[np.intp], count: int) -> Epoch:
    kept = pack_bitmap(slots.tolist(), count)
    flows = (
        replace(flow, sent=_joined_interval(flow.sent, kept)) if flow.direction == direction else flow
        for flow in epoch.flows
    )
    return replace(epoch, flows=tuple(flows))


def _sent_and_lost(epoch: Epoch, direction: Direction, *, calls: bool) -> tuple[int, int]:
    """Return (sent, lost)."""
    sent, arrived = flow_arrivals(epoch, direction, calls=calls)
    return int(sent.sum()), int((sent & ~arrived).sum())


def _part_dispersion(counts: Sequence[tuple[tuple[int, int], tuple[int, int]]]) -> float:
    """Return how much more the calls' losses vary from part to part than they would with one p, at least 0."""
    (calls, lost), (twins, gone) = np.array(counts, np.float64).transpose(1, 2, 0)
    usual = gone / twins
    p = max(0.0, (lost.sum() - calls @ usual) / max(1.0, calls @ (1.0 - usual)))
    chance = np.clip(1.0 - (1.0 - usual) * (1.0 - p), 1e-3, 1.0 - 1e-3)
    return float(((lost - calls * chance) ** 2 / (calls * chance * (1.0 - chance))).sum()) / (len(counts) - 1)


def _directions_agree(view: ArmView, onset: int) -> bool:
    """Whether one p may hold for both directions."""
    up, down = (_extra_share(view, direction, onset) for direction in DIRECTIONS)
    return max(up.low or 0.0, down.low or 0.0) <= min(_or_one(up.high), _or_one(down.high))


def _or_one(share: float | None) -> float:
    return 1.0 if share is None else share


def _extra_share(view: ArmView, direction: AffectedDirections, onset: int) -> Number:
    """Estimate the extra loss after the onset. If the line limits every flow to a rate, packets dropped before that
    limit leave room for others of the same call: then any part of the calls' loss may be due to the rule."""
    single = directions_of(direction)
    epochs = [
        after_onset(epoch, single, onset) for epoch in view.explained if not isinstance(epoch.question, HelloContrast)
    ]
    found = extra_loss(epochs, direction, seed=view.facts.seed)
    if found.high is None or not any(twins_are_policed(view, each) for each in single):
        return Number(*found)
    rows = [flow_arrivals(epoch, each, calls=True) for epoch in epochs for each in single]
    sent = sum(int(sent.sum()) for sent, _ in rows)
    lost = sum(int((sent & ~arrived).sum()) for sent, arrived in rows)
    share = lost / max(1, sent)
    high = max(found.high, share + 2.0 * sqrt(share * (1.0 - share) / max(1, sent)))
    return Number(found.estimate, found.low, high)


@remember_result
def after_onset(epoch: Epoch, directions: tuple[Direction, ...], onset: int) -> Epoch:
    """Return the epoch with only those media slots of these directions counted as sent that come after the onset."""
    kept = {
        losses.direction: pack_bitmap(
            np.flatnonzero(losses.media & (losses.before > onset)).tolist(), len(losses.stage)
        )
        for losses in losses_of(epoch)
        if losses.direction in directions
    }
    flows = tuple(
        replace(flow, sent=_joined_interval(flow.sent, kept[flow.direction])) if flow.direction in kept else flow
        for flow in epoch.flows
    )
    return replace(epoch, flows=flows)


def _joined_interval(one: bytes, other: bytes) -> bytes:
    return bytes(a & b for a, b in zip(one, other, strict=False))


RULE = Rule(
    id="media.drop",
    state="restricted",
    mechanisms=("M02", "M08", "M17"),
    means="Packets of calls are dropped at random; the call stutters or stays silent.",
    shown_by="Extra loss of calls is flat in a packet's index, its size and the rate, and set-up passes.",
    explain=explain,
    parameters=(Parameter("p", "share", "of call packets that are dropped beyond what their twins lose"),),
    contrasts=(RateContrast(0.5),),
    loses_media=True,
)
