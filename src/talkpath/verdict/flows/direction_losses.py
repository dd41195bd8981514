"""The losses of one direction of one epoch: for each slot, how many calls lost its packet, and how likely twins do.

A rule explains *extra* loss: under it a call's packet of slot i is lost with chance 1 - (1 - q_i)(1 - p_i), where q_i
is the loss of twins in the same slot and p_i what the rule predicts. The rule's gain is the log-likelihood of the
calls' losses above the hypothesis that calls fare as twins (all p_i = 0). So the gains of all rules can be compared,
and background loss that calls and twins share cancels. Where flows of one kind differ more than chance allows (paths,
queues, address translators), packets of one flow are not independent evidence: gains are divided by that dispersion,
and outlying flows are left out. So are packets that calls sent too late to arrive before arrivals stopped counting, if
calls are held up.

The chance that a twin's packet of each slot is lost, and by how much flows differ more than chance allows.

A slot has few twins, so its own share of losses is shrunk towards the mean of all slots: fully where slots are alike,
and hardly where they differ by much (a beta-binomial model). Arrays are per slot unless a shape is given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from math import lgamma
from statistics import median

import numpy as np
from numpy.typing import NDArray

from talkpath.apps.contract.shape import Direction
from talkpath.measure.arrays import Bits, Floats
from talkpath.measure.facts import Epoch
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.flows.outcomes import counted_per_packet, first_life
from talkpath.verdict.statistics.cohort import (
    DIRECTIONS,
    MEDIA_STAGES,
    direction_track,
    is_call,
    is_twin,
    pick_observations,
    unpack_bitmaps,
)
from talkpath.verdict.statistics.delay import differences_dms
from talkpath.wire.control.question import Question

CONCENTRATIONS = (1e4, 32.0, 8.0, 2.0)  # of the beta-binomial: how alike the twins of one slot fare
SLOTS_DIFFER_NATS = 0.5  # slots are taken to be alike unless so much evidence is against it
SIZES_DIFFER_NATS = 6.0  # likewise small and large packets, over all sizes that could divide them


def slot_chance(sent: Floats, lost: Floats, size: Floats, dispersion: float) -> tuple[Floats, Floats]:
    """Return (chance, doubt), per slot: the chance that a twin loses its packet, and how far that may be another one
    (the correlation between two calls of the slot). Small and large packets are fitted separately where the line
    treats them differently."""
    large = size > _size_edge(sent, lost, size, dispersion)
    chance, doubt = np.zeros((2, len(size)))
    for part in (~large, large):
        if part.any():
            chance[part], doubt[part] = _shrunk_chances(sent[part], lost[part])
    return chance, doubt


def _size_edge(sent: Floats, lost: Floats, size: Floats, dispersion: float) -> float:
    """Return the size in bytes above which twins fare differently from below; infinite if there is none."""
    sizes, kinds = np.unique(size[sent > 0], return_inverse=True)
    edges, totals = sizes[:-1], (sent.sum(), lost.sum())
    below = [np.bincount(kinds, counts[sent > 0], len(sizes)).cumsum()[:-1] for counts in (sent, lost)]
    above = [total - smaller for total, smaller in zip(totals, below, strict=True)]
    parts = [_flat_log_likelihood(*below), _flat_log_likelihood(*above)]
    gains = (parts[0] + parts[1] - _flat_log_likelihood(*totals)) / dispersion
    return float(edges[np.argmax(gains)]) if len(edges) and gains.max() >= SIZES_DIFFER_NATS else float("inf")


def _flat_log_likelihood(sent: Floats, lost: Floats) -> Floats:
    """Return the log-likelihood of losses at their own rate."""
    rate = np.clip(lost / np.maximum(sent, 1.0), 1e-9, 1.0 - 1e-9)
    return np.asarray(lost * np.log(rate) + (sent - lost) * np.log1p(-rate))


def _shrunk_chances(sent: Floats, lost: Floats) -> tuple[Floats, Floats]:
    """Estimate the twins' chance of loss for each slot, shrunk towards their mean as far as slots do not differ more
    than chance allows; and the correlation between two calls of one slot that this implies (beta-binomial)."""
    mean = (lost.sum() + 0.5) / (sent.sum() + 1.0)
    slots = sorted(Counter(zip(sent.tolist(), lost.tolist(), strict=True)).items())
    fits = [_beta_binomial(slots, mean, spread) for spread in CONCENTRATIONS]
    spread = next(s for s, fit in zip(CONCENTRATIONS, fits, strict=True) if fit >= max(fits) - SLOTS_DIFFER_NATS)
    chance = np.clip((lost + spread * mean) / (sent + spread), 1e-3, 0.98)
    return np.asarray(chance), np.asarray(1.0 / (sent + spread + 1.0))


def _beta_binomial(slots: Iterable[tuple[tuple[float, float], int]], mean: float, spread: float) -> float:
    """Return the log-likelihood of `slots`: (packets sent, lost) and how many slots had these numbers."""
    a, b = spread * mean, spread * (1.0 - mean)
    fit = 0.0
    for (n, x), count in slots:
        fit += count * (lgamma(x + a) + lgamma(n - x + b) - lgamma(n + spread))
        fit -= count * (lgamma(a) + lgamma(b) - lgamma(spread))
    return fit


def dispersion_of(sent: Bits, lost: Bits) -> float:
    """Return how much more losses vary from flow to flow than binomial counts do, at least 1."""
    packets, losses = sent.sum(axis=1), lost.sum(axis=1)
    usable = packets > 0
    packets, losses = packets[usable], losses[usable]
    if len(packets) < 2 or not losses.any() or losses.sum() == packets.sum():
        return 1.0
    mean = losses.sum() / packets.sum()
    chi2 = ((losses - packets * mean) ** 2 / (packets * mean * (1.0 - mean))).sum()
    return max(1.0, float(chi2) / (len(packets) - 1))


Ranks = NDArray[np.intp]

ALL_SLOTS = slice(None)

ANSWER_TRIPS = 3  # the far end sends an answer of set-up after so many round trips, at the most
OUTLIER_ERRORS = 4.0  # a flow that lost so many standard errors more than the median one is an outlier
OUTLIER_SHARE = 0.4  # and at most this share of flows are


@dataclass(frozen=True, slots=True, eq=False)
class DirectionLosses:
    """The losses of one direction of one epoch. Arrays are per slot: the calls that sent its packet, how many of these
    lost it, and the chance that a twin loses it. `calls` holds (sent, lost) of each call, (flows, slots) both.

    `before` counts the packets that a call sent both ways, up to and including the slot; `size` is UDP payload bytes.
    `weight` shrinks gains by the dispersion of flows, `twins_weight` by that of twins alone; `known` (slots,) shrinks
    them where the few twins of a slot leave its chance in doubt. Late packets count as arrived: the tests of delay
    weigh those.
    """

    epoch: Epoch
    direction: Direction
    at_s: Floats
    size: Floats
    before: Floats
    stage: tuple[str, ...]
    sent: Floats
    lost: Floats
    chance: Floats
    weight: float
    twins_weight: float
    calls: tuple[Bits, Bits]
    known: Floats

    @property
    def question(self) -> Question:
        """Return the epoch's question."""
        return self.epoch.question

    def on(self, *stages: str) -> Bits:
        """Return which slots belong to these stages."""
        return _stage_slots(self.stage, stages)

    @property
    def media(self) -> Bits:
        """Return which slots carry media."""
        return self.on("media")

    def within(self, spans: Sequence[tuple[float, float]]) -> DirectionLosses:
        """Return the same as if calls had sent nothing outside of these spans (from, to), in seconds of the check, in
        order of time and apart."""
        at_s = self.epoch.started_s + self.at_s
        inside = np.searchsorted(np.ravel(spans), at_s, side="right") % 2 == 1
        sent, lost = (rows & inside for rows in self.calls)
        return replace(self, sent=self.sent * inside, lost=self.lost * inside, calls=(sent, lost))

    def by_size(self, terms: Floats, chosen: Bits) -> tuple[Floats, Floats]:
        """Return the sizes of the `chosen` slots, ascending, and the sums of their `terms` (..., slots) for each size.

        A restrictor may drop some sizes of keepalive or report like media and pass others.
        """
        order = np.flatnonzero(chosen)[np.argsort(self.size[chosen], kind="stable")]
        sizes = self.size[order]
        if not len(order):
            return sizes, terms[..., :0]
        starts = np.concatenate([[0], 1 + np.flatnonzero(sizes[1:] != sizes[:-1])])
        return sizes[starts], np.add.reduceat(terms[..., order], starts, axis=-1)

    def gains(self, extra: Floats, slots: Ranks | slice = ALL_SLOTS) -> Floats:
        """(..., slots): the gain of each of these slots where the extra loss is `extra` (..., slots) or (..., 1)."""
        gain = _loss_gain(self.sent[slots], self.lost[slots], self.chance[slots], extra)
        gain *= self.weight * self.known[slots]
        return gain

    def gains_by_call(self, extra: Floats) -> Floats:
        """Return the gain of each call in each slot (flows, slots), for effects that may differ from call to call. Only
        the dispersion of twins reduces it."""
        return self.twins_weight * self.known * _loss_gain(*self.calls, self.chance, extra)

    def best_gains(self, most: Floats | float) -> Floats:
        """(slots,): the gain of each slot at the extra loss that fits it best, at most `most` (slots,): no rule that
        gives all calls the same chance in a slot gains more there."""
        own = (self.lost / np.maximum(self.sent, 1.0) - self.chance) / (1.0 - self.chance)
        return self.gains(np.clip(own, 0.0, most))


def _loss_gain(sent: Floats | Bits, lost: Floats | Bits, chance: Floats, extra: Floats) -> Floats:
    odds, passed = np.asarray((1.0 - chance) * extra), np.asarray(-extra)
    odds /= chance
    gain = np.asarray(lost * np.log1p(odds, out=odds), np.float64)
    gain += (sent * 1.0 - lost) * np.log1p(passed, out=passed)
    return gain


@lru_cache(maxsize=256)
def _stage_slots(stage: tuple[str, ...], stages: tuple[str, ...]) -> Bits:
    found = np.array([each in stages for each in stage], np.bool_)
    found.flags.writeable = False
    return found


@remember_result
def losses_of(epoch: Epoch, without: frozenset[int] = frozenset()) -> tuple[DirectionLosses, ...]:
    """Return the losses up and down, without the flows `without`; none for a direction in which no call or no twin
    sent."""
    held_up_s = sum(map(partial(_held_up_s, epoch), DIRECTIONS))
    calls = {
        direction: _usable_counts(epoch, direction, calls=True, without=without, held_up_s=held_up_s)
        for direction in DIRECTIONS
    }
    twins = {direction: _usable_counts(epoch, direction, calls=False) for direction in DIRECTIONS}
    before = sent_before_each(epoch)
    found = []
    for direction in DIRECTIONS:
        plan, (sent, lost), (twin_sent, twin_lost) = (
            direction_track(epoch, direction),
            calls[direction],
            twins[direction],
        )
        if not len(sent) or not len(twin_sent):
            continue
        dispersion = dispersion_of(twin_sent, twin_lost)
        size = np.array(plan.size, np.float64)
        of_twins, lost_twins = (rows.sum(axis=0, dtype=np.float64) for rows in (twin_sent, twin_lost))
        chance, doubt = slot_chance(of_twins, lost_twins, size, dispersion)
        of_calls = sent.sum(axis=0, dtype=np.float64)
        found.append(
            DirectionLosses(
                epoch=epoch,
                direction=direction,
                at_s=np.array(plan.at_ms, np.float64) / 1000.0,
                size=size,
                before=before[direction],
                stage=plan.stage,
                sent=of_calls,
                lost=lost.sum(axis=0, dtype=np.float64),
                chance=chance,
                weight=1.0 / max(dispersion_of(sent, lost), dispersion),
                twins_weight=1.0 / dispersion,
                calls=(sent, lost),
                known=1.0 / (1.0 + np.maximum(0.0, of_calls - 1.0) * doubt),
            )
        )
    return tuple(found)


def flow_arrivals(
    epoch: Epoch, direction: Direction, *, calls: bool, without: frozenset[int] = frozenset()
) -> tuple[Bits, Bits]:
    """Return (sent, arrived), each (flows, slots), of calls or of random twins. Late packets count as arrived."""
    size = len(direction_track(epoch, direction).stage)
    chosen = is_call if calls else is_twin
    flows = [flow for flow in pick_observations(epoch, direction, chosen, chosen) if flow.flow not in without]
    sent = unpack_bitmaps([flow.sent for flow in flows], size)
    arrived = unpack_bitmaps([flow.arrived for flow in flows], size) | unpack_bitmaps(
        [flow.late for flow in flows], size
    )
    return sent, arrived


@remember_result
def _held_up_s(epoch: Epoch, direction: Direction) -> float:
    """By how much later calls arrive than twins."""
    differences = differences_dms(epoch, direction)
    return max(0.0, float(np.median(differences)) / 10_000.0) if differences.size else 0.0


def _in_time(epoch: Epoch, direction: Direction, held_up_s: float) -> Bits:
    """Return which slots would have arrived before the cut, held up so long on the way there and back together. What
    waits for an answer is held up several times before."""
    plan = direction_track(epoch, direction)
    trips = np.where([stage in MEDIA_STAGES for stage in plan.stage], 1, ANSWER_TRIPS)
    return np.asarray(np.array(plan.at_ms, np.float64) / 1000.0 + trips * held_up_s <= epoch.cut_s - epoch.started_s)


def _usable_counts(
    epoch: Epoch,
    direction: Direction,
    *,
    calls: bool,
    without: frozenset[int] = frozenset(),
    held_up_s: float = 0.0,
) -> tuple[Bits, Bits]:
    """Return (sent, lost) of the flows that are not outliers, each until an address translator gave it a new port, as
    far as packets can have arrived if they are `held_up_s`."""
    sent, arrived = flow_arrivals(epoch, direction, calls=calls, without=without)
    sent = first_life(sent, arrived, np.array(direction_track(epoch, direction).size, np.float64))
    if held_up_s:
        sent = sent & (arrived | _in_time(epoch, direction, held_up_s))
    lost = sent & ~arrived
    typical = _typical_flows(sent.sum(axis=1), lost.sum(axis=1))
    return sent[typical], lost[typical]


def _typical_flows(packets: Floats, losses: Floats) -> Bits:
    """Return the flows that rules are fitted to. A rule treats calls alike, but paths, queues and translators harm
    single 5-tuples: flows that lost far more than the median one are left out, at most OUTLIER_SHARE of them."""
    rate = median((losses / np.maximum(packets, 1)).tolist()) if len(packets) else 0.0
    over = losses - packets * rate
    spread = np.sqrt(packets * rate * (1.0 - rate) + 1.0)
    excess = over / np.maximum(spread, 1.483 * median(np.abs(over).tolist()) if len(over) else 0.0)
    odd = np.argsort(-excess, kind="stable")[: int(OUTLIER_SHARE * len(excess))]
    typical = np.ones(len(excess), np.bool_)
    typical[odd[excess[odd] > OUTLIER_ERRORS]] = False
    return typical


@remember_result
def sent_before_each(epoch: Epoch, later_s: float = 0.0, header_bytes: int | None = None) -> dict[Direction, Floats]:
    """For each slot, count what calls sent both ways up to and including it, in order of time (mean over calls): in
    packets, or with the bytes of headers in IP bytes.

    The far end's packets pass a middlebox later than ours of the same scheduled time, by `later_s`.
    """
    adds = [
        counted_per_packet(np.array(direction_track(epoch, direction).size, np.float64), header_bytes)
        for direction in DIRECTIONS
    ]
    sent = [flow_arrivals(epoch, direction, calls=True)[0] for direction in DIRECTIONS]
    shares = [
        rows.mean(axis=0) * each if len(rows) else np.zeros(len(each)) for rows, each in zip(sent, adds, strict=True)
    ]
    shifts = {"up": 0.0, "down": 1000.0 * later_s}
    at_ms = np.concatenate(
        [np.array(direction_track(epoch, direction).at_ms, np.float64) + shifts[direction] for direction in DIRECTIONS]
    )
    order = np.argsort(at_ms, kind="stable")
    total = np.zeros(len(at_ms))
    total[order] = np.concatenate(shares)[order].cumsum()
    ends = len(epoch.up.at_ms)
    return {"up": total[:ends], "down": total[ends:]}
