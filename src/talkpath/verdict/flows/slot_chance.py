"""The chance that a twin's packet of each slot is lost, and by how much flows differ more than chance allows.

A slot has few twins, so its own share of losses is shrunk towards the mean of all slots: fully where slots are alike,
and hardly where they differ by much (a beta-binomial model). Arrays are per slot unless a shape is given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import lgamma

import numpy as np

from talkpath.measure.arrays import Bits, Floats

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
