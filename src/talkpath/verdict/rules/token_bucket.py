"""Plays token buckets over calls: which packets each of many rates and bursts drops.

A bucket counts IP bytes. It is played packet by packet, several times with slightly different rates: a real bucket
keeps its phase no better than packets keep their times. Each direction has a bucket of its own, or one bucket holds
both directions' packets in the order in which they pass."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from talkpath.measure.arrays import Floats
from talkpath.verdict.flows.direction_losses import DirectionLosses

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
