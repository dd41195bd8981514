"""Estimates effect sizes with confidence sequences, valid at every moment and under any background.

An interval is the set of effects that a test does not reject. To test an effect, it is undone in one group, which makes
calls and twins exchangeable again whatever the network did to their 5-tuples. The test is the flow-permutation
e-process; an effect is rejected when e reaches 2/(1 - level) on either side. By Ville's inequality the true effect is
inside at all times together with probability `level`, however often one looks
(docs/why/2026-11-24-twins-and-permutation.md).

Extra loss p is undone by thinning: every packet of a twin that arrived is virtually lost with probability p. One
uniform number per packet, from the check's seed, decides for all p. So the twins' losses only rise with p and the test
is monotone: the set is an interval, and bisection finds its ends, rounded outwards. Each epoch is thinned several
times, and the mean of the e-values counts: one thinning alone adds its own luck. Twins are random and text ones
(without the canary): an interval alone accuses nobody, and more twins make it narrower. A flow's score is the root of
its number of losses, or whether it lost anything at all: behind several paths, queues or translators some flows lose
much and most lose nothing, so their numbers of losses say little, and which flows lost nothing says much. Extra delay
is undone by subtraction, and the score is the rank; its twins are the random ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from math import isfinite, log, sqrt
from typing import NamedTuple

import numpy as np

from talkpath.apps.contract.shape import AffectedDirections, Direction
from talkpath.measure.arrays import Bits, Floats
from talkpath.measure.facts import Epoch, Role
from talkpath.verdict.analysis import remember_each_result, remember_result
from talkpath.verdict.statistics.cohort import (
    DIRECTIONS,
    MEDIA_STAGES,
    direction_track,
    is_call,
    is_control,
    make_cohort,
    pick_observations,
)
from talkpath.verdict.statistics.delay import differences_dms, rank_log_e
from talkpath.verdict.statistics.permutation import even_log_weights, log_mean, permutation_log_e_rows

ROOT_EXPONENT, MAX_EXPONENT = (
    0.3,
    3.0,
)  # of the root of a flow's losses, times that of its packets: longer calls differ more
THINNINGS = 4  # of each epoch
MAX_LENGTH_RATIO = 3.0  # more than any draw, so that rows of draws follow each other in order
# of whether a flow lost anything: where some paths lose nothing, few flows show that calls do neither
LOST_EXPONENT = 1.5
INTERVAL_RANK_EXPONENTS = (0.1, 0.3, 1.0)
ROLE_PAIRS: tuple[Role, Role] = ("call", "twin")
LIKE_LENGTH = 1.3  # calls of one plan differ in packet count by less than this factor
STEPS, ROUNDS = 16, 3  # each round keeps one of STEPS pieces: 16^-3 = 0.00024 of the range


class Interval(NamedTuple):
    """An estimate with its bounds; None where the facts give no bound."""

    estimate: float | None
    low: float | None
    high: float | None


class Thinned(NamedTuple):
    """An epoch, prepared for thinning. Losses are scaled to the most packets that any of its flows sent.

    `calls` (nT,) and `twins` (nC,) are lost packets; `scale` (nC,) is the weight of one packet of each twin; `draws`
    (THINNINGS * nC * slots,) are the uniform numbers of each twin's packets that arrived, ascending, 2 for all others,
    and APART more for each further row of slots; `exponent` is that of the roots of losses.
    """

    calls: Floats
    twins: Floats
    scale: Floats
    draws: Floats
    exponent: float

    def roots(self, extra: Floats) -> Floats:
        """Return the roots of the losses of calls and twins, where twins lose so much more: (losses, THINNINGS, nT +
        nC)."""
        rows = np.arange(THINNINGS * len(self.twins)).reshape(THINNINGS, -1)
        before = rows * (len(self.draws) // rows.size)
        dropped = np.searchsorted(self.draws, extra[:, None, None] + MAX_LENGTH_RATIO * rows) - before
        calls = np.broadcast_to(self.calls, (*dropped.shape[:-1], len(self.calls)))
        return np.sqrt(np.concatenate((calls, self.twins + self.scale * dropped), axis=-1))


def extra_loss(epochs: Sequence[Epoch], direction: AffectedDirections, *, seed: bytes, level: float = 0.95) -> Interval:
    """Estimate the extra probability that a call packet is lost, in [0, 1]: (loss of calls - loss of twins) / (1 -
    twins).

    Of "both" directions the packets of each flow count together. All given epochs are used: leave out epochs of other
    questions. `seed` is the facts' seed. All three numbers are
    None if there is no epoch in which both calls and twins sent packets.
    """
    epochs, each = tuple(epochs), (1.0 + level) / 2.0
    high = _highest_loss(epochs, direction, seed, each)
    if high is None:
        return Interval(None, None, None)
    low = _lowest_loss(epochs, direction, seed, each)
    return Interval(min(max(_estimate_loss(epochs, direction), low), high), low, high)


def most_extra_loss(
    epochs: Sequence[Epoch], direction: AffectedDirections, *, seed: bytes, level: float = 0.95
) -> Interval:
    """Estimate the same with an upper bound alone, which has the whole level and needs fewer epochs; the lower one is
    0. It is for calls of which is asked if they fare as twins do. Where they lost more than one extra loss for all
    epochs explains, as when a rule began in between, the bound is what they lost.
    """
    high = _highest_loss(tuple(epochs), direction, seed, level)
    if high is None:
        return Interval(None, None, None)
    mean = max(_estimate_loss(epochs, direction), 0.0)
    return Interval(mean, 0.0, max(mean, high))


@remember_result
def _lowest_loss(epochs: tuple[Epoch, ...], direction: AffectedDirections, seed: bytes, level: float) -> float:
    return _last_rejected(partial(_thinning_log_e, _ready_epochs(epochs, direction, seed), direction, seed, 1.0), level)


@remember_result
def _highest_loss(epochs: tuple[Epoch, ...], direction: AffectedDirections, seed: bytes, level: float) -> float | None:
    ready = _ready_epochs(epochs, direction, seed)
    return 1.0 - _last_rejected(partial(_thinning_log_e, ready, direction, seed, -1.0), level) if ready else None


def _ready_epochs(epochs: tuple[Epoch, ...], direction: AffectedDirections, seed: bytes) -> list[Epoch]:
    return [epoch for epoch in epochs if _thin_epoch(epoch, direction, seed) is not None]


def _estimate_loss(epochs: Sequence[Epoch], direction: AffectedDirections) -> float:
    calls, twins = (loss_rate(epochs, direction, role) or 0.0 for role in ROLE_PAIRS)
    return (calls - twins) / (1.0 - twins) if twins < 1.0 else 0.0


def overall_loss(
    epochs: Sequence[Epoch], direction: AffectedDirections, *, seed: bytes, level: float = 0.95
) -> Interval:
    """Estimate the same where extra loss may depend on how long calls are, as when a restrictor acts late in a call or
    needs packets to recognise one: the mean over all packets that calls sent.

    One extra loss is used for all, unless epochs of similar length contradict it. Then each length has its own
    interval, with a level that rises with the number of lengths, so that all hold together. Where that does not explain
    the mean either, as when a rule began in between, the interval reaches as far as the mean.
    """
    common, lengths = extra_loss(epochs, direction, seed=seed, level=level), _of_like_length(epochs, direction)
    mean, surer = max(_estimate_loss(epochs, direction), 0.0), 1.0 - (1.0 - level) / max(1, len(lengths))
    if len(lengths) == 1 and _contains(common, mean):
        return common
    found = [(sent, extra_loss(alike, direction, seed=seed, level=surer)) for sent, alike in lengths]
    bounded = [(sent, each) for sent, each in found if each.estimate is not None]
    if all(_contains(each, mean) for each in (common, *(each for _, each in bounded))):
        return common
    total = sum(sent for sent, _ in bounded)
    low, high = (sum(sent * (each[i] or 0.0) for sent, each in bounded) / total for i in (1, 2))
    return Interval(mean, min(low, mean), max(high, mean))


def _contains(interval: Interval, value: float) -> bool:
    low, high = interval.low or 0.0, 1.0 if interval.high is None else interval.high
    return low <= value <= high


def _of_like_length(epochs: Sequence[Epoch], affected: AffectedDirections) -> list[tuple[int, list[Epoch]]]:
    """Group epochs by how many packets their calls sent: (packets, epochs), from the shortest calls to the longest."""
    groups: list[tuple[int, list[Epoch]]] = []
    shortest = 0
    for slots, epoch in sorted(
        ((_counted_slots(epoch, affected), epoch) for epoch in epochs), key=lambda pair: pair[0]
    ):
        sent = sum(
            int(flows.counted[flows.treated].sum())
            for flows in [make_cohort(epoch, direction, is_call, is_control) for direction in directions_of(affected)]
        )
        if not groups or slots > LIKE_LENGTH * shortest:
            groups.append((0, []))
            shortest = slots
        groups[-1] = (groups[-1][0] + sent, [*groups[-1][1], epoch])
    return groups


def _counted_slots(epoch: Epoch, affected: AffectedDirections) -> int:
    return sum(
        stage in MEDIA_STAGES
        for direction in directions_of(affected)
        for stage in direction_track(epoch, direction).stage
    )


def directions_of(direction: AffectedDirections) -> tuple[Direction, ...]:
    """Return the single directions."""
    return DIRECTIONS if direction == "both" else (direction,)


def loss_rate(epochs: Sequence[Epoch], affected: AffectedDirections, role: Role) -> float | None:
    """Return the share of sent media packets that did not arrive, of calls or of twins (without the canary)."""
    counts = [_sent_and_lost(epoch, direction, role) for epoch in epochs for direction in directions_of(affected)]
    sent, lost = sum(sent for sent, _ in counts), sum(lost for _, lost in counts)
    return lost / sent if sent else None


@remember_result
def _sent_and_lost(epoch: Epoch, direction: Direction, role: Role) -> tuple[int, int]:
    flows = make_cohort(epoch, direction, is_call, is_control)
    chosen = flows.treated == (role == "call")
    return int(flows.counted[chosen].sum()), int(flows.lost[chosen].sum())


def extra_delay_ms(epochs: Sequence[Epoch], direction: Direction, level: float = 0.95) -> Interval:
    """Estimate by how many ms the one-way delay of call flows (their medians) exceeds that of random twins."""
    found = quantity_shift([differences_dms(epoch, direction) for epoch in epochs], level)
    return Interval(*(None if value is None else value / 10.0 for value in found))


def quantity_shift(differences: Sequence[Floats], level: float = 0.95) -> Interval:
    """Estimate by how much a quantity of call flows exceeds that of twins; `differences` are (calls, twins) of each
    epoch."""
    every = np.sort(np.concatenate([each.ravel() for each in differences])) if differences else np.zeros(0)
    if not len(every):
        return Interval(None, None, None)
    ends = np.concatenate(([-np.inf], np.unique(every), [np.inf]))
    above, below = np.zeros((2, len(ends), len(INTERVAL_RANK_EXPONENTS)))
    for each in differences:
        ordered = np.sort(each.ravel())
        above += rank_log_e(
            len(ordered) - np.searchsorted(ordered, ends, side="right"), each.shape, INTERVAL_RANK_EXPONENTS
        )
        below += rank_log_e(np.searchsorted(ordered, ends, side="left"), each.shape, INTERVAL_RANK_EXPONENTS)
    limit, mix = log(2.0 / (1.0 - level)), even_log_weights(len(INTERVAL_RANK_EXPONENTS))
    low, high = ends[log_mean(above, mix) < limit].min(), ends[log_mean(below, mix) < limit].max()
    return Interval(float(np.median(every)), _bounded_share(float(low)), _bounded_share(float(high)))


def _bounded_share(value: float) -> float | None:
    return value if isfinite(value) else None


@remember_result
def _thin_epoch(epoch: Epoch, direction: AffectedDirections, seed: bytes) -> Thinned | None:
    treated, counted, losses = _packet_counts(epoch, direction)
    sent, lost = counted.sum(axis=1), losses.sum(axis=1)
    calls, twins = treated & (sent > 0), ~treated & (sent > 0)
    if not calls.any() or not twins.any():
        return None
    scale: Floats = sent.max() / np.maximum(sent, 1)
    label = f"{epoch.arm}/{epoch.number}/{direction}".encode()
    key = int.from_bytes(hashlib.sha256(len(seed).to_bytes(4, "big") + seed + label).digest()[:16], "big")
    draws = np.random.Generator(np.random.PCG64(key)).random((THINNINGS, *counted.shape))
    draws[:, ~counted | losses] = 2.0
    rows = np.sort(draws[:, twins]).reshape(THINNINGS * int(twins.sum()), -1)
    rows += MAX_LENGTH_RATIO * np.arange(len(rows))[:, None]
    exponent = min(ROOT_EXPONENT * sqrt(sent.max()), MAX_EXPONENT)
    return Thinned((scale * lost)[calls], (scale * lost)[twins], scale[twins], rows.ravel(), exponent)


def _packet_counts(epoch: Epoch, affected: AffectedDirections) -> tuple[Bits, Bits, Bits]:
    """Return (treated, counted, lost) of the cohort's flows. Of both directions only flows that were seen in both."""
    if affected != "both":
        flows = make_cohort(epoch, affected, is_call, is_control)
        return flows.treated, flows.counted, flows.lost
    numbers = [
        [flow.flow for flow in pick_observations(epoch, direction, is_call, is_control)] for direction in DIRECTIONS
    ]
    shared = sorted(set(numbers[0]) & set(numbers[1])) if not epoch.missing else []
    rows = [[own.index(number) for number in shared] for own in numbers]
    up, down = (make_cohort(epoch, direction, is_call, is_control) for direction in DIRECTIONS)
    counted = np.concatenate([up.counted[rows[0]], down.counted[rows[1]]], axis=1)
    lost = np.concatenate([up.lost[rows[0]], down.lost[rows[1]]], axis=1)
    return up.treated[rows[0]], counted, lost


def _group_alike(ready: Sequence[Thinned | None]) -> Iterable[dict[int, Thinned]]:
    """Group epochs with the same numbers of calls and twins, by their places, so that one array operation handles all
    of a group."""
    groups: dict[tuple[int, int], dict[int, Thinned]] = {}
    for place, thinned in enumerate(ready):
        if thinned is not None:
            groups.setdefault((len(thinned.calls), len(thinned.twins)), {})[place] = thinned
    return groups.values()


def _thinning_log_e(
    epochs: Sequence[Epoch], direction: AffectedDirections, seed: bytes, sign: float, low: float, width: float
) -> Floats:
    """Compute log e against STEPS hypotheses, each `width` beyond the one before, from `low` on. `sign` is +1 to test
    if calls lose more than that, -1 if they lose less than 1 minus that."""
    total = np.sum(_thinning_steps(epochs, direction, seed, sign, low, width), axis=0)
    return log_mean(total, even_log_weights(total.shape[-1]))


@remember_each_result
def _thinning_steps(
    epochs: Sequence[Epoch], direction: AffectedDirections, seed: bytes, sign: float, low: float, width: float
) -> list[Floats]:
    """Return what each epoch adds to the log of each component, (STEPS, components)."""
    points = low + width * np.arange(STEPS, dtype=np.float64)
    extra = points if sign > 0 else 1.0 - points
    found: dict[int, Floats] = {}
    for group in _group_alike([_thin_epoch(epoch, direction, seed) for epoch in epochs]):
        alike = list(group.values())
        roots, exponent = np.array([each.roots(extra) for each in alike]), np.array([each.exponent for each in alike])
        weighted = sign * np.stack((exponent[:, None, None, None] * roots, LOST_EXPONENT * np.sign(roots)), axis=2)
        treated = np.arange(roots.shape[-1]) < len(alike[0].calls)
        found.update(
            zip(group, log_mean(permutation_log_e_rows(weighted, treated), even_log_weights(THINNINGS)), strict=True)
        )
    return [found[place] for place in range(len(epochs))]


def _last_rejected(log_e: Callable[[float, float], Floats], level: float) -> float:
    """Find in [0, 1] the last point that a monotone test of that level rejects before it accepts; 0 if it rejects none.
    `log_e` gives its values at STEPS points, from the first one on and so far apart."""
    limit, low, width = -log(1.0 - level), 0.0, 1.0
    for _ in range(ROUNDS):
        width /= STEPS
        rejected = log_e(low, width) >= limit
        if not rejected[0]:
            return low
        low += width * int(rejected[1:].sum())
    return low
