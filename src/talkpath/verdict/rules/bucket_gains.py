"""How well token buckets explain the losses of calls: the gain of each rate and burst, and a bound of all gains.

A bucket counts IP bytes, and is played packet by packet, several times with slightly different rates: a real bucket
keeps its phase no better than packets keep their times. Each direction has a bucket of its own, or one bucket holds
both directions' packets in the order in which they pass. Packets of similar size at about the same time share one
chance, since their order at the bucket is not known.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from talkpath.apps.contract.shape import Direction
from talkpath.measure.arrays import Floats
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.direction_losses import DirectionLosses, Ranks, flow_arrivals

MIX_S, LIKE = 0.01, 0.25  # a block of 20 flows takes 10 ms; sizes within a quarter are alike
PHASE_S = 0.15  # over several packets a bucket drops at its rate, whatever its phase
RATIONS = np.geomspace(0.02, 1.0, 32)  # of the rate offered
POLICED_TWINS_NATS = 12.0  # as much as a rule of its own for each direction costs


def bucket_gains(together: Together, rates: Floats, header_bytes: int, later_s: float = 0.0) -> Floats:
    """Return the gains (2 x rates x bursts,): of buckets that keep their phase, except for packets reordered on the
    wire; then of buckets that do not. One bucket holds all losses `together` (see `token_bucket.policed`)."""
    return _gains_of_grid(together, rates.tobytes(), header_bytes, later_s)


@lru_cache(maxsize=1024)
def _gains_of_grid(together: Together, rates: bytes, header_bytes: int, later_s: float) -> Floats:
    """Compute `bucket_gains` once for each epoch and grid: a mechanism is named again after every epoch, over all so
    far."""
    buckets = policed_chances(together, np.frombuffer(rates), header_bytes, later_s)
    return np.asarray(np.sum(list(map(_gains_of_losses, together, buckets)), axis=0))


def _gains_of_losses(losses: DirectionLosses, dropped: Policed) -> Floats:
    gains = [_sums_of_gains(losses, dropped.which, kinds) for kinds in _kinds_of_packets(losses)]
    return np.concatenate([dropped.of_grid(each) for each in gains])


def _sums_of_gains(losses: DirectionLosses, which: Numbers, kinds: Kinds) -> Floats:
    """Return the gains (points,) over all slots. A packet that is alone in its kind has one of the few chances DROPPED,
    whose gains are looked up."""
    gains = np.empty(which.shape)
    gains[kinds.alone] = _gains_of_dropped(losses)[kinds.alone[:, None], which[kinds.alone]]
    gains[kinds.order] = losses.gains(_means_of_kinds(DROPPED_SHARE[which[kinds.order]], kinds).T, kinds.order).T
    return np.asarray(gains.sum(axis=0))


@lru_cache(maxsize=256)
def _gains_of_dropped(losses: DirectionLosses) -> Floats:
    """Return the gain of each slot at each of the chances DROPPED, (slots, chances)."""
    return np.ascontiguousarray(losses.gains(DROPPED_SHARE[:, None]).T)


@lru_cache(maxsize=256)
def most_gain(losses: DirectionLosses, header_bytes: int, burst_bytes: float) -> float:
    """Return what no gains exceed, whatever the rate, of buckets that let at least `burst_bytes` pass at first."""
    used = (losses.sent > 0) & losses.on("media", "control")
    first = np.cumsum(np.where(used, losses.size + header_bytes, 0.0)) <= burst_bytes
    most = np.where(used, np.where(first, DOUBT_SHARE, 1.0 - DOUBT_SHARE), 0.0)
    return max(
        float(losses.best_gains(_averaged_by_kind(most[:, None], kinds)[:, 0]).sum())
        for kinds in _kinds_of_packets(losses)
    )


@lru_cache(maxsize=256)
def slots_differ(losses: DirectionLosses) -> tuple[float, int]:
    """Return (the chi-square statistic of the slots' shares of lost media packets, its degrees of freedom). A bucket
    drops the same packets of all calls, so that shares differ far more than by chance."""
    used = losses.media & (losses.sent > 0)
    sent, lost = losses.sent[used], losses.lost[used]
    share = float(lost.sum() / max(1.0, sent.sum()))
    variance = sent * max(share * (1.0 - share), 1e-9)
    return float(((lost - sent * share) ** 2 / variance).sum()), max(1, len(sent) - 1)


def offered_kbps(losses: DirectionLosses, header_bytes: int) -> float:
    """Return the rate of one call's media, in kbit/s of IP bytes."""
    media = losses.media & (losses.sent > 0)
    if media.sum() < 2:
        return 0.0
    at_s, size = losses.at_s[media], losses.size[media] + header_bytes
    return float(size[:-1].sum() * 8e-3 / max(1e-3, at_s[-1] - at_s[0]))


def twins_are_policed(view: ArmView, direction: Direction) -> bool:
    """Whether twins too lose what exceeds a rate: a token bucket explains their losses far better than one loss rate
    for each size of packet."""
    found = [losses for losses in view.losses if losses.direction == direction]
    offered = max((offered_kbps(losses, view.header_bytes) for losses in found), default=0.0)
    if offered <= 0.0:
        return False
    rates = offered * RATIONS
    gains = np.sum(
        [_of_twins(losses, *policed_chances((losses,), rates, view.header_bytes)) for losses in found], axis=0
    )
    return bool(np.max(gains) >= POLICED_TWINS_NATS)


def _of_twins(losses: DirectionLosses, dropped: Policed) -> Floats:
    """Return, as `_gains_of_losses` does, the twins' log-likelihood above that of one loss rate for each size of
    packet."""
    sent, arrived = flow_arrivals(losses.epoch, losses.direction, calls=False)
    slots = losses.on("media", "control")
    count, lost = (rows.sum(axis=0, dtype=np.float64)[slots] for rows in (sent, sent & ~arrived))
    kinds = np.round(np.log(np.maximum(losses.size[slots], 1.0)) / LIKE)
    alike = np.unique(kinds, return_inverse=True)[1]
    lost_of_kind, count_of_kind = (np.bincount(alike, terms) for terms in (lost, count))
    even = np.clip((lost_of_kind / np.maximum(count_of_kind, 1.0))[alike], DOUBT_SHARE / 4.0, 1.0 - DOUBT_SHARE)
    gains = []
    for kinds_of_time in _kinds_of_packets(losses):
        bucket = np.clip(
            _averaged_by_kind(dropped.chance, kinds_of_time)[slots].T, DOUBT_SHARE / 4.0, 1.0 - DOUBT_SHARE
        )
        gains.append(np.log(bucket / even) @ lost + np.log((1.0 - bucket) / (1.0 - even)) @ (count - lost))
    return np.concatenate([dropped.of_grid(each) for each in gains])


class Kinds(NamedTuple):
    """Packets of similar size at about the same time. `alone` are the slots of those that are alone in their kind,
    `order` those of the others, sorted by kind; in that order each kind begins at `starts` and has `counts` packets."""

    alone: Ranks
    order: Ranks
    starts: Ranks
    counts: Ranks


@lru_cache(maxsize=256)
def _kinds_of_packets(losses: DirectionLosses) -> tuple[Kinds, Kinds]:
    """Return the kinds by packets that may be reordered on the wire, and by spans of `PHASE_S`. Of a burst that lasts
    longer than packets are out of order, only those at about the same time may be."""
    sizes = np.round(np.log(np.maximum(losses.size, 1.0)) / LIKE)
    begins = np.diff(losses.at_s, prepend=-np.inf) > MIX_S
    bursts = np.cumsum(begins) - 1
    windows = np.floor((losses.at_s - losses.at_s[begins][bursts]) / MIX_S)
    return _sorted_kinds(np.stack([bursts, windows, sizes])), _sorted_kinds(
        np.stack([np.floor(losses.at_s / PHASE_S), sizes])
    )


def _sorted_kinds(marks: Floats) -> Kinds:
    kind = np.unique(marks, axis=1, return_inverse=True)[1].ravel()
    every = np.bincount(kind)
    order, counts = np.argsort(kind, kind="stable"), every[every > 1]
    shared = every[kind[order]] > 1
    return Kinds(order[~shared], order[shared], np.cumsum(counts) - counts, counts)


def _averaged_by_kind(dropped: Floats, kinds: Kinds) -> Floats:
    """Return the mean over packets of the same kind, (slots, points)."""
    means = dropped.copy()
    means[kinds.order] = _means_of_kinds(dropped[kinds.order], kinds)
    return means


def _means_of_kinds(dropped: Floats, kinds: Kinds) -> Floats:
    """Return the same of the packets of `kinds.order` alone, in that order."""
    if not len(kinds.order):
        return dropped
    sums = np.add.reduceat(dropped, kinds.starts, axis=0)
    return np.repeat(sums / kinds.counts[:, None], kinds.counts, axis=0)


Numbers = NDArray[np.uint8]
Together = tuple[DirectionLosses, ...]
"""The losses of one direction of an epoch, or of both where one bucket holds them."""

BURSTS_BYTES = np.geomspace(1000.0, 58345.0, 19)  # what passes at first; set-up may have used some of it
PHASES = np.linspace(0.97, 1.03, 8)
STARTS_TRIED = np.arange(8)[:, None] % 4  # packets that passed before the call was recognised
LAST_START = int(STARTS_TRIED.max())
PASSED_SHARES = np.arange(len(PHASES) + 1) / len(PHASES)  # of a packet: the share of phases in which it passes
DOUBT_SHARE = 0.02  # no predicted chance is closer to 0 or 1 than this
DROPPED_SHARE = np.minimum(
    np.maximum(1.0 - np.tile(PASSED_SHARES, 2), np.repeat([0.0, DOUBT_SHARE], len(PASSED_SHARES))), 1.0 - DOUBT_SHARE
)
"""The chance that a packet is dropped: by the number of phases in which it passes, of a bucket that was never nearly
empty; then the same of one that was."""


class Policed(NamedTuple):
    """`which` of the chances DROPPED a token bucket drops each packet with, (slots, rates x bursts). Bursts from the
    last of these `bursts` on hold all that calls send, so that they drop alike."""

    which: Numbers
    bursts: int

    @property
    def chance(self) -> Floats:
        """Return the chances themselves."""
        return np.asarray(DROPPED_SHARE[self.which])

    def of_grid(self, gains: Floats) -> Floats:
        """Return the values (rates x bursts,) of these buckets for all of BURSTS_BYTES."""
        which = np.minimum(np.arange(len(BURSTS_BYTES)), self.bursts - 1)
        return np.asarray(gains.reshape(-1, self.bursts)[:, which].ravel())


def policed_chances(together: Together, rates: Floats, header_bytes: int, later_s: float = 0.0) -> tuple[Policed, ...]:
    """Return for each direction the chance that a token bucket of each of the `rates` (kbit/s) and bursts, full at the
    first media packet, drops each packet; what it does not see passes. The far end's packets pass it by `later_s` later
    than ours of the same scheduled time."""
    slots = [np.flatnonzero((losses.sent > 0) & losses.on("media", "control")) for losses in together]
    seen = list(zip(together, slots, strict=True))
    at_s = np.concatenate([losses.at_s[own] + later_s * (losses.direction == "down") for losses, own in seen])
    order = np.argsort(at_s, kind="stable")
    size = np.concatenate([losses.size[own] + header_bytes for losses, own in seen])[order]
    bursts = min(len(BURSTS_BYTES), 1 + int(np.searchsorted(BURSTS_BYTES, size.sum(), side="right")))
    kbps, burst = np.repeat(rates, bursts), np.tile(BURSTS_BYTES[:bursts], len(rates))
    passed, level = _pass_buckets(np.diff(at_s[order], prepend=0.0), size, kbps, burst)
    passed += np.uint8(len(PHASES) + 1) * (level < burst - 2 * size[:, None])
    ends = np.cumsum([len(own) for own in slots])
    places = np.split(np.argsort(order, kind="stable"), ends[:-1])  # of each direction's packets among all
    return tuple(
        Policed(_of_slots(len(losses.at_s), own, passed[place]), bursts)
        for (losses, own), place in zip(seen, places, strict=True)
    )


def _of_slots(count: int, slots: NDArray[np.intp], passed: Numbers) -> Numbers:
    """Return (count, points): `passed` in these slots; what the bucket does not see passes in all phases."""
    which = np.full((count, passed.shape[1]), len(PHASES), np.uint8)
    which[slots] = passed
    return which


def _pass_buckets(gap_s: Floats, size: Floats, kbps: Floats, burst: Floats) -> tuple[Numbers, Floats]:
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
        np.copyto(change, sent & (number >= STARTS_TRIED) if number < LAST_START else sent)
        np.subtract(level, np.multiply(change, bytes_, out=change), out=level)
        np.minimum.reduce(level, axis=0, out=least[number])
    return np.add.reduce(passes.view(np.uint8), axis=1, dtype=np.uint8), least
