"""`media.police` (M09): each call flow is policed to a rate; what exceeds it is dropped.

A token bucket over IP bytes is simulated packet by packet, several times with slightly different rates: a real bucket
keeps its phase no better than packets keep their times. Shown by loss that rises with the offered rate and with what
was sent just before, and by small packets that pass where large ones do not."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from talkpath.apps.contract.shape import AffectedDirections, Direction
from talkpath.measure.facts import Epoch
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.direction_losses import DirectionLosses, arrivals
from talkpath.verdict.memo import per_epoch
from talkpath.verdict.model import Number
from talkpath.verdict.rules.directions import Floats, GridPoint, best_point, directions_of
from talkpath.verdict.rules.rule import PENALTY, ROUNDING_NATS, Contrast, Fit, Parameter, Rule
from talkpath.verdict.statistics.cohort import track

Ranks = NDArray[np.intp]
Numbers = NDArray[np.uint8]

RATES, FINE_RATES = 36, 17
BURSTS_BYTES = np.geomspace(1000.0, 12000.0, 12)  # what passes at first; set-up may have used some of it
PHASES = np.linspace(0.97, 1.03, 8)
STARTS = np.arange(8)[:, None] % 4  # packets that passed before the call was recognised
LAST_START = int(STARTS.max())
PASSED = np.arange(len(PHASES) + 1) / len(PHASES)  # of a packet: the share of phases in which it passes
MIX_S, LIKE = 0.01, 0.25  # a block of 20 flows takes 10 ms; sizes within a quarter are alike
PHASE_S = 0.15  # over several packets a bucket drops at its rate, whatever its phase
DOUBT = 0.02  # no predicted chance is closer to 0 or 1 than this
DROPPED = np.minimum(np.maximum(1.0 - np.tile(PASSED, 2), np.repeat([0.0, DOUBT], len(PASSED))), 1.0 - DOUBT)
"""The chance that a packet is dropped: by the number of phases in which it passes, of a bucket that was never nearly
empty; then the same of one that was."""
BLURRED = 0.1  # of the rate: where one packet is more than that, longer calls would narrow it
LIKELY_NATS = 3.0  # 95 %, and as much again since no model of a middlebox is exact
RATIONS = np.geomspace(0.02, 1.0, 32)  # of the rate offered
POLICED_TWINS_NATS = 12.0  # as much as a rule of its own for each direction costs
LEAST_KBPS = 1.0  # a bucket that refills more slowly cuts calls off
BEYOND = 1.1  # of the rate: calls that send more than that would lose packets within a few seconds
SOME_LOSS = np.array([0.01, 0.03, 0.1, 0.3, 0.8])
LOSSES = 4  # fewer losses of one call do not show its rate


def at_most(view: ArmView) -> float:
    """Return an upper bound of the fit's gain, in a hundredth of its time: the gain if every packet had the chance that
    fits it best, but for those at the start that pass with every burst."""
    bounds = (_at_most(s, view.header_bytes) for s in view.losses if s.direction in view.worse)
    return sum(bounds) - 2 * PENALTY + ROUNDING_NATS


def explain(view: ArmView) -> Fit | None:
    """Fit the best rate and burst size."""
    offered = [rate for losses in view.losses if (rate := offered_kbps(losses, view.header_bytes)) > 0]
    if not offered:
        return None
    rates = np.geomspace(0.05 * min(offered), 1.3 * max(offered), RATES)
    found = _finer(view, rates, _fit(view, rates))
    if found is None or found.gain - 2 * PENALTY <= 0.0:
        return None
    passed = passed_kbps(view, found.direction)
    if (passed.high is not None and passed.high <= LEAST_KBPS) or _cuts_off(view, found.direction):
        return None
    if not _media_are_lost(view, found.direction):
        return None
    blurred = 2 * BLURRED * (passed.estimate or 0.0)
    wide = passed.low is None or passed.high is None or passed.high - passed.low > blurred
    sharpen: tuple[Contrast, ...] = (("watch", None),) if wide and not view.asked("watch") else ()
    hit = directions_of(found.direction)
    return Fit(
        found.gain - 2 * PENALTY,
        found.direction,
        lambda: {"kbps": _hull(passed, _likely(view, rates, hit))},
        sharpen,
        _other_used(view, hit, passed),
    )


def _other_used(view: ArmView, hit: tuple[Direction, ...], passed: Number) -> bool:
    """Whether calls sent so much more than what passes in the other direction that a bucket there would have run dry;
    as much as in this direction where it is not known what passes."""
    rates = dict.fromkeys(view.directions, 0.0)
    for losses in view.losses:
        rates[losses.direction] = max(rates[losses.direction], offered_kbps(losses, view.header_bytes))
    others = [rate for way, rate in rates.items() if way not in hit]
    enough = max(rates[way] for way in hit if way in rates) if passed.high is None else BEYOND * passed.high
    return not others or min(others) >= enough


def offered_kbps(losses: DirectionLosses, header_bytes: int) -> float:
    """Return the rate of one call's media, in kbit/s of IP bytes."""
    media = losses.media & (losses.sent > 0)
    if media.sum() < 2:
        return 0.0
    at_s, size = losses.at_s[media], losses.size[media] + header_bytes
    return float(size[:-1].sum() * 8e-3 / max(1e-3, at_s[-1] - at_s[0]))


def _fit(view: ArmView, rates: Floats) -> GridPoint | None:
    return best_point(view, lambda losses: _gains(losses, rates, view.header_bytes))


def _finer(view: ArmView, rates: Floats, found: GridPoint | None) -> GridPoint | None:
    """Return the best point between the neighbours of the best rate: a rate a few per cent off drops other packets."""
    if found is None:
        return None
    middle = found.point % (len(rates) * len(BURSTS_BYTES)) // len(BURSTS_BYTES)
    low, high = rates[max(0, middle - 1)], rates[min(len(rates) - 1, middle + 1)]
    finer = _fit(view, np.geomspace(low, high, FINE_RATES))
    return finer if finer is not None and finer.gain > found.gain else found


def _likely(view: ArmView, rates: Floats, hit: tuple[Direction, ...]) -> Number:
    """Return the rates that explain the losses nearly as well as the best: if the bucket was full at times, less passed
    than its rate."""
    gains = np.sum([_gains(s, rates, view.header_bytes) for s in view.losses if s.direction in hit], axis=0)
    best_of_rate = gains.reshape(2, len(rates), len(BURSTS_BYTES)).max(axis=(0, 2))
    good = np.flatnonzero(best_of_rate >= best_of_rate.max() - LIKELY_NATS)
    low, high = rates[max(0, good[0] - 1)], rates[min(len(rates) - 1, good[-1] + 1)]
    return Number(None, float(low), float(high))


def _hull(passed: Number, likely: Number) -> Number:
    """Return an interval that contains both; only the likely one if too little was lost to measure a rate."""
    if passed.low is None or passed.high is None:
        return Number((likely.low + likely.high) / 2.0, likely.low, likely.high)  # type: ignore[operator]
    low, high = min(passed.low, likely.low or 0.0), max(passed.high, likely.high or 0.0)
    return Number(min(max(passed.estimate or 0.0, low), high), low, high)


def _gains(losses: DirectionLosses, rates: Floats, header_bytes: int) -> Floats:
    """Return the gains (2 x rates x bursts,): of buckets that keep their phase, except for packets reordered on the
    wire; then of buckets that do not."""
    return _gains_of_grid(losses, rates.tobytes(), header_bytes)


@lru_cache(maxsize=1024)
def _gains_of_grid(losses: DirectionLosses, rates: bytes, header_bytes: int) -> Floats:
    """Compute `_gains` once for each epoch and grid: a mechanism is named again after every epoch, over all so far."""
    dropped = policed(losses, np.frombuffer(rates), header_bytes)
    gains = [_sums_of_gains(losses, dropped.which, kinds) for kinds in _kinds(losses)]
    return np.concatenate([dropped.of_grid(each) for each in gains])


def _sums_of_gains(losses: DirectionLosses, which: Numbers, kinds: Kinds) -> Floats:
    """Return the gains (points,) over all slots. A packet that is alone in its kind has one of the few chances DROPPED,
    whose gains are looked up."""
    gains = np.empty(which.shape)
    gains[kinds.alone] = _gains_of_dropped(losses)[kinds.alone[:, None], which[kinds.alone]]
    gains[kinds.order] = losses.gains(_means(DROPPED[which[kinds.order]], kinds).T, kinds.order).T
    return np.asarray(gains.sum(axis=0))


@lru_cache(maxsize=256)
def _gains_of_dropped(losses: DirectionLosses) -> Floats:
    """Return the gain of each slot at each of the chances DROPPED, (slots, chances)."""
    return np.ascontiguousarray(losses.gains(DROPPED[:, None]).T)


@lru_cache(maxsize=256)
def _at_most(losses: DirectionLosses, header_bytes: int) -> float:
    """Return what no `_gains` exceed, whatever the grid."""
    used = (losses.sent > 0) & losses.on("media", "control")
    first = np.cumsum(np.where(used, losses.size + header_bytes, 0.0)) <= BURSTS_BYTES[0]
    most = np.where(used, np.where(first, DOUBT, 1.0 - DOUBT), 0.0)
    return max(float(losses.best_gains(_averaged(most[:, None], kinds)[:, 0]).sum()) for kinds in _kinds(losses))


def twins_are_policed(view: ArmView, way: Direction) -> bool:
    """Whether twins too lose what exceeds a rate: a token bucket explains their losses far better than one loss rate
    for each size of packet."""
    found = [losses for losses in view.losses if losses.direction == way]
    offered = max((offered_kbps(losses, view.header_bytes) for losses in found), default=0.0)
    if offered <= 0.0:
        return False
    rates = offered * RATIONS
    gains = np.sum([_of_twins(losses, policed(losses, rates, view.header_bytes)) for losses in found], axis=0)
    return bool(np.max(gains) >= POLICED_TWINS_NATS)


def _of_twins(losses: DirectionLosses, dropped: Policed) -> Floats:
    """Return, as `_gains` does, the twins' log-likelihood above that of one loss rate for each size of
    packet."""
    sent, arrived = arrivals(losses.epoch, losses.direction, calls=False)
    slots = losses.on("media", "control")
    count, lost = (rows.sum(axis=0, dtype=np.float64)[slots] for rows in (sent, sent & ~arrived))
    kinds = np.round(np.log(np.maximum(losses.size[slots], 1.0)) / LIKE)
    alike = np.unique(kinds, return_inverse=True)[1]
    lost_of_kind, count_of_kind = (np.bincount(alike, terms) for terms in (lost, count))
    even = np.clip((lost_of_kind / np.maximum(count_of_kind, 1.0))[alike], DOUBT / 4.0, 1.0 - DOUBT)
    gains = []
    for kinds_of_time in _kinds(losses):
        bucket = np.clip(_averaged(dropped.chance, kinds_of_time)[slots].T, DOUBT / 4.0, 1.0 - DOUBT)
        gains.append(np.log(bucket / even) @ lost + np.log((1.0 - bucket) / (1.0 - even)) @ (count - lost))
    return np.concatenate([dropped.of_grid(each) for each in gains])


class Policed(NamedTuple):
    """`which` of the chances DROPPED a token bucket drops each packet with, (slots, rates x bursts). Bursts from the
    last of these `bursts` on hold all that calls send, so that they drop alike."""

    which: Numbers
    bursts: int

    @property
    def chance(self) -> Floats:
        """Return the chances themselves."""
        return np.asarray(DROPPED[self.which])

    def of_grid(self, gains: Floats) -> Floats:
        """Return the values (rates x bursts,) of these buckets for all of BURSTS_BYTES."""
        which = np.minimum(np.arange(len(BURSTS_BYTES)), self.bursts - 1)
        return np.asarray(gains.reshape(-1, self.bursts)[:, which].ravel())


def policed(losses: DirectionLosses, rates: Floats, header_bytes: int) -> Policed:
    """Return the chance that a token bucket of each of the `rates` (kbit/s) and bursts, full at the first media packet,
    drops each packet; what it does not see passes."""
    slots = np.flatnonzero((losses.sent > 0) & losses.on("media", "control"))
    size = losses.size[slots] + header_bytes
    bursts = min(len(BURSTS_BYTES), 1 + int(np.searchsorted(BURSTS_BYTES, size.sum(), side="right")))
    kbps, burst = np.repeat(rates, bursts), np.tile(BURSTS_BYTES[:bursts], len(rates))
    passed, level = _pass(np.diff(losses.at_s[slots], prepend=0.0), size, kbps, burst)
    passed += np.uint8(len(PHASES) + 1) * (level < burst - 2 * size[:, None])
    which = np.full((len(losses.at_s), len(kbps)), len(PHASES), np.uint8)
    which[slots] = passed
    return Policed(which, bursts)


def _pass(gap_s: Floats, size: Floats, kbps: Floats, burst: Floats) -> tuple[Numbers, Floats]:
    """Send packets through token buckets, and return (packets, points) in how many PHASES each passes, and the least
    level that it leaves. Arrays are reused: new ones would take half of the time."""
    rate = np.multiply.outer(125.0 * PHASES, kbps)  # (phases, points): numpy is quick along a long last axis
    full = np.repeat(burst[None], len(PHASES), axis=0)
    level, change, passes = full.copy(), np.empty_like(full), np.empty((len(size), *full.shape), np.bool_)
    least = np.empty((len(size), len(kbps)))
    for number, (gap, bytes_) in enumerate(zip(gap_s.tolist(), size.tolist(), strict=True)):
        np.add(level, np.multiply(rate, gap, out=change), out=level)
        np.minimum(level, full, out=level)
        sent = np.greater_equal(level, bytes_, out=passes[number])
        np.copyto(change, sent & (number >= STARTS) if number < LAST_START else sent)
        np.subtract(level, np.multiply(change, bytes_, out=change), out=level)
        np.minimum.reduce(level, axis=0, out=least[number])
    return np.add.reduce(passes.view(np.uint8), axis=1, dtype=np.uint8), least


class Kinds(NamedTuple):
    """Packets of similar size at about the same time. `alone` are the slots of those that are alone in their kind,
    `order` those of the others, sorted by kind; in that order each kind begins at `starts` and has `counts` packets."""

    alone: Ranks
    order: Ranks
    starts: Ranks
    counts: Ranks


@lru_cache(maxsize=256)
def _kinds(losses: DirectionLosses) -> tuple[Kinds, Kinds]:
    """Return the kinds by packets that may be reordered on the wire, and by spans of `PHASE_S`."""
    sizes = np.round(np.log(np.maximum(losses.size, 1.0)) / LIKE)
    mixed = np.concatenate([[0.0], np.cumsum(np.diff(losses.at_s) > MIX_S)])
    return _sorted(np.stack([mixed, sizes])), _sorted(np.stack([np.floor(losses.at_s / PHASE_S), sizes]))


def _sorted(marks: Floats) -> Kinds:
    kind = np.unique(marks, axis=1, return_inverse=True)[1].ravel()
    every = np.bincount(kind)
    order, counts = np.argsort(kind, kind="stable"), every[every > 1]
    shared = every[kind[order]] > 1
    return Kinds(order[~shared], order[shared], np.cumsum(counts) - counts, counts)


def _averaged(dropped: Floats, kinds: Kinds) -> Floats:
    """Return the mean over packets of the same kind, (slots, points)."""
    means = dropped.copy()
    means[kinds.order] = _means(dropped[kinds.order], kinds)
    return means


def _means(dropped: Floats, kinds: Kinds) -> Floats:
    """Return the same of the packets of `kinds.order` alone, in that order."""
    if not len(kinds.order):
        return dropped
    sums = np.add.reduceat(dropped, kinds.starts, axis=0)
    return np.repeat(sums / kinds.counts[:, None], kinds.counts, axis=0)


def passed_kbps(view: ArmView, direction: AffectedDirections) -> Number:
    """Estimate the rate that passed. Between two drops the bucket's level is the same to within one packet. What twins
    lose may have been lost after the bucket or before it: the interval covers both."""
    rows = _rows(view, direction)
    if not rows:
        return Number(None, None, None)
    kbps, spare, lost = np.array(rows).T
    good = spare <= 2 * spare.min()
    few, many = np.quantile(kbps[good], (0.25, 0.75))
    rest, lost_elsewhere = 1.5 * float(np.median(spare[good])), min(0.5, float(lost[good].mean()))
    low, high = max(0.0, float(few) - rest), (float(many) + rest) / (1.0 - lost_elsewhere)
    return Number((low + high) / 2.0, low, high)


def _cuts_off(view: ArmView, direction: AffectedDirections) -> bool:
    """Whether nothing of three calls in four passed once the bucket was empty: a bucket would refill."""
    kbps = sorted(row[0] for row in _rows(view, direction))
    return bool(kbps) and kbps[3 * len(kbps) // 4] <= LEAST_KBPS


def _media_are_lost(view: ArmView, direction: AffectedDirections) -> bool:
    """Whether calls lose media, and not reports and keepalives alone: a bucket does not choose."""
    hit = [losses for losses in view.losses if losses.direction in directions_of(direction)]
    gains = [losses.gains(SOME_LOSS[:, None])[:, losses.media].sum(axis=1) for losses in hit]
    return bool(np.sum(gains, axis=0).max() > 0.0)


def _rows(view: ArmView, direction: AffectedDirections) -> list[tuple[float, float, float]]:
    hit = directions_of(direction)
    return [row for epoch in view.explained for way in hit for row in _passed(epoch, way, view.header_bytes)]


@per_epoch
def _passed(epoch: Epoch, way: Direction, header_bytes: int) -> list[tuple[float, float, float]]:
    """Return for each call (kbit/s that passed between drops, the share of one packet in that, the loss of twins)."""
    plan = track(epoch, way)
    at_s, size = np.array(plan.at_ms, np.float64) / 1000.0, np.array(plan.size, np.float64) + header_bytes
    media = np.array([stage in ("media", "control") for stage in plan.stage], np.bool_)
    twin_sent, twin_arrived = arrivals(epoch, way, calls=False)
    total = max(1, int(twin_sent[:, media].sum()))
    lost_elsewhere = 1.0 - int((twin_sent & twin_arrived)[:, media].sum()) / total
    rows = []
    for sent, arrived in zip(*arrivals(epoch, way, calls=True), strict=True):
        drops = np.flatnonzero(sent & ~arrived & media)
        if len(drops) < LOSSES:
            continue
        first, last = drops[len(drops) // 4], drops[-1]
        span_s = at_s[last] - at_s[first]
        if span_s > 0:
            inside = arrived & media & (np.arange(len(at_s)) > first) & (np.arange(len(at_s)) < last)
            rows.append((size[inside].sum() * 8e-3 / span_s, size[drops].max() * 8e-3 / span_s, lost_elsewhere))
    return rows


RULE = Rule(
    id="media.police",
    state="restricted",
    mechanisms=("M09",),
    means="Each call flow is held to a rate; what is above it is dropped.",
    shown_by="Loss rises with the rate offered and falls at half the pace; voice may pass where video dies.",
    explain=explain,
    parameters=(Parameter("kbps", "kbit/s", "of IP bytes per 5-tuple and direction that pass"),),
    contrasts=(("rate", 0.5),),
    patience=6,
    loses_media=True,
    at_most=at_most,
)
