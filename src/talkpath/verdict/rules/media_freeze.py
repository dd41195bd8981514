"""`media.freeze` (M03, M04): a recognised call runs, then all its packets are dropped for good.

It is cut off after a number of packets or bytes (both ways together), a number of seconds, or right after the
handshake. At one packet rate counts and times fit equally well: the same call at another rate separates them. Counts
of packets and of bytes are told apart by calls whose packets are of other sizes, be it of another app in the same check
(`judge.with_shared_threshold`). Calls to the same port may
be blocked for a while after that (residual blocking): some calls are blocked as a whole then, but by the order of
events, and not at random.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from talkpath.apps.contract.shape import Direction
from talkpath.measure.facts import Epoch
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.calls_left_out import behind_cut_offs, log_likelihood
from talkpath.verdict.flows.censored_tail import tail_by_count, tail_by_twins
from talkpath.verdict.flows.cut_off_point import cut_off_count, cut_off_seconds
from talkpath.verdict.flows.direction_losses import DirectionLosses, sent_before_each
from talkpath.verdict.flows.outcomes import (
    MIN_SILENT_PACKETS,
    ROUND_TRIP_SLACK_S,
    DirectionOutcome,
    FlowOutcome,
    calls_of,
    count_at_silence,
    counted_per_packet,
    flow_outcomes,
    quickest_s,
    round_trip_s,
)
from talkpath.verdict.model import Category
from talkpath.verdict.rules.blocked_calls import dropped_gains, mostly_blocked
from talkpath.verdict.rules.cut_offs import cut_offs, nothing_passes, own_ends_gain
from talkpath.verdict.rules.directions import (
    BOTH_NATS,
    Floats,
    GridPoint,
    best_point,
    directions_of,
    summed_gains,
    widened_to_both,
)
from talkpath.verdict.rules.rule import (
    GAIN_ROUNDING_NATS,
    PARAMETER_PRICE_NATS,
    RULE_MARGIN_NATS,
    SURE_LOSS,
    Fit,
    Parameter,
    Parameters,
    Rule,
)
from talkpath.verdict.statistics.cohort import DIRECTIONS
from talkpath.wire.control.question import Question, RateContrast, WatchedCalls

NEAR_CHANCE = 0.7  # the extra loss near the threshold, where a packet may be on either side
LEAST_REST_NATS = 12.0  # the line may lose a few other packets beside lost media, or media be dropped from the first
PACKETS_NEAR, SECONDS_NEAR = 3.0, 0.08
HANDSHAKE_PACKETS, HANDSHAKE_MEDIA = 8, 3  # that may still pass in a direction (net4people/bbs 422: "a few bytes")
HANDSHAKE_LEAD = 1.015  # a threshold right after the handshake is preferred by so much
FREEZE_LATER_S = (0.0, 0.02, 0.04, 0.06, 0.08, 0.12, 0.2)  # up to a round trip
LATER_PACKETS = (0.25, 0.5, 0.75, 1.0)  # likewise in shares of each epoch's own round trip, where queues make it long
COUNTS = ("packets", "bytes")
COUNT_OR_TIME = (*COUNTS, "seconds")
UNTOLD_SHARE = 0.1  # of the best gain, within which counts and times fit as well, where no contrast tells
ANOTHER_RATE: Question = RateContrast(0.5)  # it separates counts from times, which fit equally well at one rate
POINTS_TRIED = 600  # thresholds tried at once; of more, first a coarse grid, then all near its best
BLUR_PACKETS = 1e-3  # counts are means over calls, one of which may have retried


def explain(view: ArmView) -> Fit | None:
    """Fit how calls are cut off, and that those to the same ports end early for a while (residual blocking)."""
    own, behind = _cut_off(view), _behind_cut_offs(view)
    if behind is None:
        return own
    if own is None:
        return behind if behind.gain > 0.0 else None
    wider = behind if own.direction in directions_of(behind.direction) else own
    return replace(own, gain=own.gain + behind.gain, direction=wider.direction)


def _cut_off(view: ArmView) -> Fit | None:
    """Fit the best of five: after packets, bytes, seconds, or the handshake, or each call at its own time. Calls that
    were never established did not run."""
    if mostly_blocked(view):
        return None
    fits = {
        "packets": _after_count(view),
        "bytes": _after_count(view, view.header_bytes),
        "seconds": _best_threshold(view, None, SECONDS_NEAR, 0.0),
        "handshake": best_point(view, _gain_after_handshake),
        "each": _fit_each_direction(view),
    }
    gains = {
        kind: fit.gain - PARAMETER_PRICE_NATS * (kind != "handshake") for kind, fit in fits.items() if fit is not None
    }
    kind = max(gains, key=lambda name: gains[name] * (HANDSHAKE_LEAD if name == "handshake" else 1.0), default="each")
    fit, gain = fits[kind], max(gains.values(), default=0.0)
    if fit is None or gain <= 0.0 or not nothing_passes(view, directions_of(fit.direction)):
        return None
    if not _got_media_through(view, directions_of(fit.direction)):
        if kind == "each" or not _rest_ends(view, directions_of(fit.direction)):
            return None
        gain -= LEAST_REST_NATS
    return Fit(
        gain,
        fit.direction,
        lambda: {
            name: value
            for each in _untold_kinds(view, kind, gains)
            for name, value in _measure_threshold(view, each, directions_of(fit.direction)).items()
        },
        () if kind in ("handshake", "each") or view.asked(ANOTHER_RATE) else (ANOTHER_RATE,),
    )


def _behind_cut_offs(view: ArmView) -> Fit | None:
    """Fit residual blocking, with the gain that `flow.block` would have of the same calls: that calls to ports where
    earlier ones had been cut off ended early."""
    arms = behind_cut_offs(view.every_epoch)
    numbers = {epoch.number: epoch for epoch in view.explained}
    found = arms[view.epochs[0].arm].within(numbers) if view.epochs and view.epochs[0].arm in arms else None
    if found is None or not found.ended or not found.directions:
        return None
    hit = [direction for direction in view.directions if direction in found.directions]
    gain = log_likelihood(len(found.ended), len(found.calls)) - PARAMETER_PRICE_NATS * (
        len(found.ended) < len(found.calls)
    )
    for number, epoch in numbers.items():
        gain += sum(dropped_gains(epoch, hit, [flow for of, flow in found.ended if of == number]))
    return Fit(gain, "both" if len(found.directions) == 2 else found.directions[0])


def at_most(view: ArmView) -> float:
    """Return an upper bound of the fit's gain: all or most of a slot is lost only where that explains its losses; or
    each call is cut off at its own time; and the gain of residual blocking."""
    behind = _behind_cut_offs(view)
    return sum(map(_at_most, view.losses)) + max(0.0, behind.gain if behind else 0.0) + GAIN_ROUNDING_NATS


@lru_cache(maxsize=256)
def _at_most(losses: DirectionLosses) -> float:
    sure, some = _slot_terms(losses)
    return max(float(np.maximum(0.0, np.maximum(sure, some)).sum()), cut_offs(losses).gain)


def _got_media_through(view: ArmView, hit: tuple[Direction, ...]) -> bool:
    """Whether calls that ended got media through before. Calls too short to show that they ended may have."""
    every = [(epoch, call) for epoch in view.explained for call in calls_of(epoch)]
    calls = [(epoch, call) for epoch, call in every if (epoch.number, call.flow) not in view.left_out]
    ended = [(epoch, call) for epoch, call in calls if any(_went_silent(call.of(direction)) for direction in hit)]
    ran = [
        (epoch, call)
        for epoch, call in ended
        if any(_went_silent(call.of(direction)) and call.of(direction).media for direction in hit)
    ]
    return 2 * len(ran) >= len(ended) or (bool(ran) and not _at_once(ran, calls))


def _rest_ends(view: ArmView, hit: tuple[Direction, ...]) -> bool:
    """Whether what calls sent besides media was cut off once set-up had begun. A call that got no media through and
    loses nothing else did not freeze: its media are dropped."""
    chosen = [losses for losses in view.losses if losses.direction in hit]
    begun = "up" not in hit or any(map(_set_up_began, chosen))
    return begun and sum(map(_rest_ended, chosen)) >= LEAST_REST_NATS


def _at_once(ran: Sequence[tuple[Epoch, FlowOutcome]], calls: Sequence[tuple[Epoch, FlowOutcome]]) -> bool:
    """Whether the calls that `ran` ended in one moment, before which others had lived to their end: something began to
    act on all calls then, and how long those had run says nothing."""
    ends_s = [epoch.started_s + max(call.up.last_s or 0.0, call.down.last_s or 0.0) for epoch, call in ran]
    lived = (epoch for epoch, call in calls if not (_went_silent(call.up) or _went_silent(call.down)))
    return max(ends_s) - min(ends_s) <= ROUND_TRIP_SLACK_S and any(epoch.ended_s <= min(ends_s) for epoch in lived)


def _set_up_began(losses: DirectionLosses) -> bool:
    """Whether any set-up packet passed up. A count lets the first packet pass, a rule that drops set-up does not."""
    return losses.direction == "up" and bool(
        (~losses.on("media", "control") & (losses.sent > 0) & (losses.sent > losses.lost)).any()
    )


def _rest_ended(losses: DirectionLosses) -> float:
    """Return the gain of "from some packet on everything is lost", media apart; 0 if most such losses do not fit
    that."""
    terms = losses.gains(np.array(SURE_LOSS))[~losses.media & (losses.sent > 0)]
    gain, most = terms[::-1].cumsum().max(initial=0.0), np.maximum(terms, 0.0).sum()
    return float(gain) if 2.0 * gain > most else 0.0


def _after_count(view: ArmView, header_bytes: int | None = None) -> GridPoint | None:
    """Find the best threshold in packets, or with the bytes of headers in IP bytes, for each delay by which the far
    end's packets may pass the middlebox later."""
    near = PACKETS_NEAR * _most_per_packet(view, header_bytes)
    delays = [(later_s, 0.0) for later_s in FREEZE_LATER_S]
    if any(quickest_s(epoch) > FREEZE_LATER_S[-1] for epoch in view.explained):
        delays += [(0.0, part) for part in LATER_PACKETS]
    fits = (_best_threshold(view, delay, near, 1.0, header_bytes) for delay in delays)
    return max((fit for fit in fits if fit is not None), key=lambda fit: fit.gain, default=None)


def _most_per_packet(view: ArmView, header_bytes: int | None) -> float:
    """Return the mean that one packet adds to a count, of the epoch and direction where that is most."""
    return max((float(counted_per_packet(s.size, header_bytes).mean()) for s in view.losses), default=1.0)


def _best_threshold(
    view: ArmView, delay: tuple[float, float] | None, near: float, least: float, header_bytes: int | None = None
) -> GridPoint | None:
    """Find the best threshold beyond which everything is dropped: of the counts of the slots, where the far end's
    packets pass later by that delay (seconds, and round trips), or (None) of their times."""

    def of(losses: DirectionLosses) -> Ascending:
        return _ascending_slots(losses, delay and delay[0] + delay[1] * quickest_s(losses.epoch), header_bytes)

    values = np.unique(np.concatenate([of(losses).at for losses in view.losses])) if view.losses else np.zeros(0)
    values = values[values >= least]
    if not len(values):
        return None
    step = ceil(len(values) / POINTS_TRIED)
    coarse = values[::step]
    found = _best_point(view, lambda losses: _beyond_points(of(losses), coarse, near))
    if found is None or step == 1:
        return found
    middle = found.point % len(coarse) * step
    fine = values[max(0, middle - step) : middle + step + 1]
    return _best_point(view, lambda losses: _beyond_points(of(losses), fine, near))


def _best_point(view: ArmView, gains: Callable[[DirectionLosses], Floats]) -> GridPoint | None:
    return widened_to_both(view, best_point(view, gains), gains)


class Ascending(NamedTuple):
    """The slots of one direction in order of their counts or times, `at`: sums of the gains of all slots before
    each place and of all, where everything (`sure`) or most (`some`) is lost."""

    at: Floats
    sure: Floats
    some: Floats


@lru_cache(maxsize=512)
def _ascending_slots(losses: DirectionLosses, later_s: float | None, header_bytes: int | None) -> Ascending:
    """Order the slots once for each epoch: a mechanism is named again after every epoch, over all so far."""
    at = losses.at_s if later_s is None else sent_before_each(losses.epoch, later_s, header_bytes)[losses.direction]
    order = np.argsort(at, kind="stable")
    # the sum of all terms before each place, and of all
    sure, some = (np.concatenate([[0.0], terms[order].cumsum()]) for terms in _slot_terms(losses))
    return Ascending(at[order], sure, some)


@lru_cache(maxsize=256)
def _slot_terms(losses: DirectionLosses) -> tuple[Floats, Floats]:
    """Return the gains of each slot where everything is lost, and where most is."""
    return losses.gains(np.array(SURE_LOSS)), losses.gains(np.array(NEAR_CHANCE))


def _beyond_points(slots: Ascending, points: Floats, near: float) -> Floats:
    """Return `_gains_beyond` for thresholds that all slots share, from sums over the slots in order: a long epoch has
    too many slots to compare each of them with each threshold."""
    first = partial(_first_beyond, slots.at, points)
    sharp, soft, around = first(BLUR_PACKETS), first(near), first(float(np.nextafter(-near, -np.inf)))
    softly = slots.sure[-1] - slots.sure[soft] + slots.some[soft] - slots.some[around]
    return np.concatenate([slots.sure[-1] - slots.sure[sharp], softly])


def _first_beyond(at: Floats, points: Floats, margin: float) -> NDArray[np.intp]:
    """Return for each point the first place of the ascending `at` that is more than `margin` beyond it. The sum of
    point and margin is rounded: it leads to a neighbour at most, and the difference decides."""
    places = np.searchsorted(at, points + margin, side="right")
    bounded = np.concatenate([[-np.inf], at, [np.inf]])
    while True:
        early, late = bounded[places] - points > margin, bounded[places + 1] - points <= margin
        if not (early | late).any():
            return places
        places[early] = np.searchsorted(at, bounded[places[early]], side="left")
        places[late] = np.searchsorted(at, bounded[places[late] + 1], side="right")


def _gains_beyond(losses: DirectionLosses, beyond: Floats, near: float) -> Floats:
    """Return the gains (2 points,) of losing everything beyond the threshold; first a sharp one, then one near which
    most is lost."""
    sure, some = _slot_terms(losses)
    soft = sure @ (beyond > near) + some @ (np.abs(beyond) <= near)
    return np.concatenate([sure @ (beyond > BLUR_PACKETS), soft])


@lru_cache(maxsize=256)
def _gain_after_handshake(losses: DirectionLosses) -> Floats:
    """Return the gain (1,) of losing everything after as many packets after set-up as passed in this epoch; few of
    those are media. How many pass until set-up is seen to end is a matter of the moment, not of the rule."""
    after_setup = losses.on("media", "control")
    order = np.where(after_setup, after_setup.cumsum(), after_setup.cumsum() + 0.5)[:, None]
    passing = np.arange(HANDSHAKE_PACKETS + 1)
    few = (losses.media[:, None] & (order <= passing)).sum(axis=0) <= HANDSHAKE_MEDIA
    gains = _gains_beyond(losses, np.where(order >= 1.0, order - passing - 0.25, -np.inf), 1.0)
    return np.array([gains[np.tile(few, 2)].max()])


def _fit_each_direction(view: ArmView) -> GridPoint | None:
    """Fit each direction by itself: calls are cut off one by one, or after the handshake. The two directions may differ
    in this."""
    kinds = _gain_after_handshake, own_ends_gain(view)
    gains = {
        direction: [float(g.max()) for kind in kinds if (g := summed_gains(view, direction, kind)) is not None]
        for direction in DIRECTIONS
    }
    tried = [GridPoint(max(found), 0, direction) for direction, found in gains.items() if found]
    single = max(tried, key=lambda point: point.gain, default=None)
    both = sum(point.gain for point in tried)
    if single is None or len(tried) < 2 or both < single.gain + BOTH_NATS:
        return single
    return GridPoint(both, 0, "both")


def _untold_kinds(view: ArmView, kind: str, gains: Mapping[str, float]) -> list[str]:
    """Return the kind that fits best, and the counts and times that fit as well, until a contrast tells: at one packet
    rate counts and times do, of packets of one size counts of packets and of bytes at any, and any of them where calls
    end soon after the handshake. Which does better then is chance."""
    if kind == "each":  # no count or time that all calls share
        return []
    untold = max(RULE_MARGIN_NATS, UNTOLD_SHARE * gains[kind])
    told = RULE_MARGIN_NATS if view.asked(ANOTHER_RATE) else untold
    margins = {each: told if "seconds" in (each, kind) else untold for each in COUNT_OR_TIME}
    return [each for each in gains if each == kind or (each in margins and gains[each] >= gains[kind] - margins[each])]


def _measure_threshold(view: ArmView, kind: str, hit: tuple[Direction, ...]) -> Parameters:
    if kind == "handshake":
        return {"after": Category("handshake")}
    calls = [(epoch, outcome) for epoch in view.explained for outcome in flow_outcomes(epoch) if outcome.role == "call"]
    ended = [
        (epoch, outcome) for epoch, outcome in calls if all(_went_silent(outcome.of(direction)) for direction in hit)
    ]
    flows = [
        (epoch, outcome) for epoch, outcome in ended if all(outcome.of(direction).arrived for direction in hit)
    ] or ended
    if kind == "seconds":
        return {"after_s": cut_off_seconds(flows, hit)}
    header_bytes = view.header_bytes if kind == "bytes" else None
    spans = [count_at_silence(outcome, hit, round_trip_s(epoch), header_bytes) for epoch, outcome in flows]
    tails = [
        tail_by_count(outcome, hit, most, round_trip_s(epoch), tail_by_twins(epoch, outcome), header_bytes)
        for (epoch, outcome), (_, most) in zip(flows, spans, strict=True)
    ]
    return {f"after_{kind}": cut_off_count(spans, tails, _most_per_packet(view, header_bytes))}


def _went_silent(direction: DirectionOutcome) -> bool:
    """Whether the direction went silent for good, even before its first packet: if others lived, such flows were cut
    off."""
    return direction.tail >= MIN_SILENT_PACKETS and not direction.back


RULE = Rule(
    id="media.freeze",
    state="restricted",
    mechanisms=("M03", "M04"),
    means="Calls run for a while, then everything of them is dropped.",
    shown_by=(
        "From some packet on nothing of a call arrives, keepalives and what is left of its set-up included, while its "
        "twins go on; at half the pace the same count (or the same time) ends it."
    ),
    explain=explain,
    parameters=(
        Parameter("after_packets", "packets", "of the flow, both ways together, that pass"),
        Parameter("after_bytes", "bytes", "the same in IP bytes"),
        Parameter("after_s", "s", "from the flow's first packet"),
        Parameter("after", "", '"handshake": set-up and a few packets pass'),
    ),
    contrasts=(ANOTHER_RATE, WatchedCalls()),
    loses_media=True,
    at_most=at_most,
)
