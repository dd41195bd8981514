"""Estimates how many more calls, and of which length, would prove an effect that the facts so far suggest.

Contract: the result plans the next epoch and is never evidence. Calls need to last only until they differ from their
twins: a freeze after two seconds shows in three seconds as well as in ten. Of all lengths the one is chosen that needs
the fewest packets. A cohort of k calls and k twins yields at most ln C(2k, k) nats; the next epoch is expected to yield
the same share of that as the epochs so far.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, exp, inf, log
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from talkpath.measure.facts import Epoch, Observation
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.statistics.cohort import direction_track, may_accuse
from talkpath.verdict.statistics.permutation import log_choose
from talkpath.verdict.statistics.strength import arm_strength

LEAST_K, MOST_K, USUAL_K = 4, 12, 8
MIXED_NATS = 3.1  # lost by averaging six tests and their exponents, where only one of them shows the effect
SPARE_NATS = 0.7
SHORTEST, LONGER = 20, 1.35  # the first length tried, in media packets, and the factor to the next
SPARE_FACTOR = 1.25  # factor on the least number: not every call ends at the same packet
SETUP_PACKETS = 10  # of every call, both ways


class SampleSize(NamedTuple):
    """What is needed: `packets` media packets each way show the effect, `missing_nats` are still missing, and the
    cohorts so far yielded `share` of their maximum."""

    packets: int
    missing_nats: float
    share: float

    def k(self, usual: int) -> int:
        """Return the smallest cohort that would yield all that is missing, or the usual one if none would."""
        sizes = range(LEAST_K, max(MOST_K, usual) + 1)
        return next((k for k in sizes if self.share * log_choose(2 * k, k) >= self.missing_nats), usual)

    def less(self, sizes: Iterable[int]) -> SampleSize:
        """Return what is needed after cohorts of those sizes, which are already on their way."""
        coming = sum(self.share * log_choose(2 * k, k) for k in sizes)
        return self._replace(missing_nats=self.missing_nats - coming)


@remember_result
def sample_size(epochs: tuple[Epoch, ...], limit: float) -> SampleSize:
    """Estimate what the accusing epochs of an arm still lack of `limit`, with calls of the length that costs least."""
    chosen = [epoch for epoch in epochs if may_accuse(epoch) and not epoch.missing]
    if not chosen:
        return SampleSize(0, limit, 0.0)
    missing = limit - arm_strength(chosen, limit).log_e + SPARE_NATS
    return min(
        (_of_length(chosen, packets, limit, missing) for packets in _candidate_lengths(chosen)), key=cost_packets
    )


def _candidate_lengths(epochs: list[Epoch]) -> list[int]:
    """Return the candidate lengths in media packets: what was sent, and shorter ones."""
    longest = max(media_packets(epoch) for epoch in epochs)
    steps = ceil(log(max(1, longest) / SHORTEST) / log(LONGER))
    return [longest, *(ceil(SHORTEST * LONGER**step) for step in range(max(0, steps)))]


def _of_length(epochs: list[Epoch], packets: int, limit: float, missing: float) -> SampleSize:
    """Estimate the sample size as if all calls had ended after so many packets."""
    told = arm_strength([shortened_epochs(epoch, packets) for epoch in epochs], limit).log_e
    alone = MIXED_NATS + log(max(exp(-MIXED_NATS), exp(min(told, limit)) - 1.0 + exp(-MIXED_NATS)))
    most = sum(log_choose(2 * epoch.k, epoch.k) for epoch in epochs if media_packets(epoch) >= packets)
    spared = (
        packets
        if packets <= SHORTEST
        else min(ceil(SPARE_FACTOR * packets), max(media_packets(epoch) for epoch in epochs))
    )
    return SampleSize(spared, missing, float(np.clip(alone / most, 0.0, 1.0)) if most else 0.0)


def cost_packets(wanted: SampleSize) -> float:
    """Return how many packets would prove the effect. Short calls are cheap, but show little of a restriction that lets
    the first packets pass."""
    if wanted.share <= 0.0:
        return inf
    size = wanted.k(0) or USUAL_K * wanted.missing_nats / (wanted.share * log_choose(2 * USUAL_K, USUAL_K))
    return size * (2 * wanted.packets + SETUP_PACKETS)


def media_packets(epoch: Epoch) -> int:
    """Return the media packets of one flow, in the direction that has more."""
    return max(epoch.up.stage.count("media"), epoch.down.stage.count("media"))


@remember_result
def shortened_epochs(epoch: Epoch, packets: int) -> Epoch:
    """Return the epoch as if its calls had ended after so many media packets. Delays stay those of the whole epoch."""
    if media_packets(epoch) <= packets:
        return epoch
    at_ms = sorted(
        moment
        for plan in (epoch.up, epoch.down)
        for moment in [at for at, stage in zip(plan.at_ms, plan.stage, strict=True) if stage == "media"][:packets][-1:]
    )[-1]
    return replace(epoch, flows=tuple(_cut_flow(epoch, flow, at_ms) for flow in epoch.flows))


def _cut_flow(epoch: Epoch, flow: Observation, at_ms: float) -> Observation:
    kept = sum(at <= at_ms for at in direction_track(epoch, flow.direction).at_ms)
    return replace(
        flow,
        sent=_first_ones(flow.sent, kept),
        arrived=_first_ones(flow.arrived, kept),
        late=_first_ones(flow.late, kept),
    )


def _first_ones(bitmap: bytes, count: int) -> bytes:
    return (int.from_bytes(bitmap, "little") & ((1 << count) - 1)).to_bytes(len(bitmap), "little")
