"""Rates how a voice call sounds, from loss and delay: the E-model (ITU-T G.107).

R = R0 - Id - Ie,eff: the best rating, minus the impairments by delay, and by coding and loss. R becomes a
mean opinion score from 1 (bad) to 4.5. Contract: pure numbers in and out, independent of packets and verdicts.

Assumptions, each a constant below: the codec's impairment and its robustness against loss (no ITU figure exists for
Opus or MLow, so the nearest codec that conceals losses is used); echo is cancelled (Idte = Idle = 0); loudness, noise
and sidetone at the defaults of G.107 (R0 - Is = 93.2); no advantage for mobility (A = 0). One-way delay cannot be
measured between two clocks that are never compared: ASSUMED_DELAY_MS replaces it. The model is validated for loss up to
about 20 %; above that it only yields "bad", which is enough here.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2, sqrt
from typing import Final

from talkpath.measure.transport_quality import DirectionQuality, TransportQuality

BEST_R: Final = 93.2  # G.107 clause 7.7: R for the default values of all parameters
WORST_IE: Final = 95.0  # G.107 clause 7.5: Ie,eff when everything is lost
ASSUMED_DELAY_MS: Final = 100.0  # mouth to ear, when unknown: G.107 gives it no impairment
BUFFER_JITTERS: Final = 2.0  # a receiver's buffer holds packets for so many times their mean jitter
WORST_MOS: Final = 1.0
TALKABLE_MOS: Final = 3.1  # R = 60: below it nearly all users are dissatisfied (G.107 Annex B)


Z_95: Final = 1.96  # 95 % of a normal distribution lie within so many standard deviations


@dataclass(frozen=True, slots=True)
class Codec:
    """`ie` is its impairment without loss, `bpl` its robustness against loss (G.113 Appendix I)."""

    name: str
    ie: float
    bpl: float


G711_PLC: Final = Codec("G.711 with loss concealment", ie=0.0, bpl=25.1)  # G.113 Appendix I, random loss


def mean_opinion_score(
    loss_pct: float, burst_ratio: float = 1.0, delay_ms: float = ASSUMED_DELAY_MS, codec: Codec = G711_PLC
) -> float:
    """Return the mean opinion score, 1 to 4.5. `loss_pct` 0 to 100, `burst_ratio` >= 1 (1: random losses)."""
    return mos_of_rating(BEST_R - (delay_impairment(delay_ms) + loss_impairment(loss_pct, burst_ratio, codec)))


def mos_with_silence(loss_pct: float, frozen_pct: float, jitter_ms: float, burst_ratio: float = 1.0) -> float:
    """Return the mean opinion score of a stream as it arrived: packets too late to be played are not heard either, and
    a buffer that evens out jitter adds its own delay. `frozen_pct` is the share of time for which nothing could be
    played; long runs of losses are in both shares, so the larger one counts."""
    unheard_pct = min(max(loss_pct, frozen_pct), 100.0)
    return mean_opinion_score(unheard_pct, burst_ratio, ASSUMED_DELAY_MS + BUFFER_JITTERS * jitter_ms)


def loss_impairment(loss_pct: float, burst_ratio: float, codec: Codec) -> float:
    """Return Ie,eff (G.107 equation 7-29)."""
    return codec.ie + (WORST_IE - codec.ie) * loss_pct / (loss_pct / burst_ratio + codec.bpl)


def delay_impairment(delay_ms: float) -> float:
    """Return Idd (G.107 equations 7-27 and 7-28, sT = 1, mT = 100 ms): none up to 100 ms, 24 at 400 ms."""
    if delay_ms <= 100.0:
        return 0.0
    x = log2(delay_ms / 100.0)
    return float(25.0 * ((1 + x**6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2))


def mos_of_rating(rating: float) -> float:
    """Return the MOS from R (G.107 Annex B); the polynomial dips below 1 for the smallest R, which means 1."""
    if rating <= 0.0:
        return 1.0
    if rating >= 100.0:
        return 4.5
    return max(1.0, 1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6)


def burst_ratio(lost: int, runs: int, sent: int) -> float:
    """Return how much longer runs of losses are than under random loss (G.107 clause 7.5), at least 1.

    `lost` of `sent` packets were lost, in `runs` runs of consecutive ones. 1.0 if nothing or everything was lost.
    """
    return 1.0 if not runs or lost >= sent else max(1.0, lost / runs * (1.0 - lost / sent))


def loss_pct(quality: DirectionQuality) -> float:
    """Return the loss, 0 to 100; 100 if nothing was due."""
    return 100.0 * (1.0 - quality.arrived / quality.sent) if quality.sent else 100.0


def direction_mos(quality: DirectionQuality) -> float:
    """Return the mean opinion score of a call over this transport in this direction, once set up."""
    bursts = burst_ratio(quality.sent - quality.arrived, quality.runs, quality.sent)
    return mean_opinion_score(loss_pct(quality), bursts, ASSUMED_DELAY_MS + (quality.delay_ms or 0.0))


def transport_mos(quality: TransportQuality) -> float:
    """Return the mean opinion score of the whole call: its worse direction; 1.0 if it cannot be set up."""
    return 1.0 if quality.setup_ms is None else min(direction_mos(quality.up), direction_mos(quality.down))


def is_uncertain(quality: TransportQuality) -> bool:
    """Return whether chance alone may have put the call on this side of TALKABLE_MOS: the 95 % bounds of the loss
    (Wilson, over runs of losses) reach across it."""
    if quality.setup_ms is None:
        return False
    worst, best = (min(_bound_mos(direction, z) for direction in (quality.up, quality.down)) for z in (Z_95, -Z_95))
    return worst < TALKABLE_MOS <= best


def _bound_mos(quality: DirectionQuality, z: float) -> float:
    """Return the mean opinion score at a bound of the loss: the upper one where z > 0, the lower one where z < 0."""
    bursts = burst_ratio(quality.sent - quality.arrived, quality.runs, quality.sent)
    p, n = loss_pct(quality) / 100.0, max(1.0, quality.sent / bursts)
    bound = (p + z * z / (2 * n) + z * sqrt(p * (1 - p) / n + (z / (2 * n)) ** 2)) / (1 + z * z / n)
    return mean_opinion_score(100.0 * min(1.0, max(0.0, bound)), bursts, ASSUMED_DELAY_MS + (quality.delay_ms or 0.0))
