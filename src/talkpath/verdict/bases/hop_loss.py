"""Estimates how many more packets of calls than of twins go unanswered when packets may go only so many hops.

A packet with a limit of h hops is *answered* if the router at that hop sends Time Exceeded, or if the packet reaches
the other end. Routers may answer none, or a few a second, but they do not know roles; so given what they did, calls and
twins are exchangeable. The extra share of unanswered packets of calls has an exact interval, by thinning the answers to
twins and permuting roles over 5-tuples as in `statistics.interval`. The score is the angle of the share of answered
packets, whose spread is the same for many answers and for few: where routers answer little, the answers are the
evidence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from math import log
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from talkpath.apps.contract.shape import Direction
from talkpath.measure.bitmap import unpack
from talkpath.measure.facts import Epoch, Observation, Track
from talkpath.verdict.statistics.permutation import even, log_e_rows, log_mean

Floats = NDArray[np.float64]

LEVEL = 0.99
TILTS = np.array((0.5, 2.0))
GRID = np.array(
    (0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
)


class Tally(NamedTuple):
    """One epoch's flows with one hop limit: which are `calls`, and how many limited packets each sent and had answered,
    (K,)."""

    calls: NDArray[np.bool_]
    sent: Floats
    answered: Floats
    label: str


class HopLoss(Struct, frozen=True):
    """The extra share of calls' packets that went unanswered, `low` to `high` at 99 %; `answered` is the share of
    twins' packets that were answered. `tries`: epochs; `router`: the kind of router that answered, "" for none."""

    hops: int
    low: float
    high: float
    answered: float
    tries: int
    router: str


def hop_loss(epochs: Sequence[Epoch], direction: Direction, hops: int, seed: bytes) -> HopLoss:
    """Estimate the loss at that number of hops from all these epochs of one arm together."""
    rounds = [tally for epoch in epochs if (tally := _tally(epoch, direction, hops)) is not None]
    twins = [(tally.answered[~tally.calls].sum(), tally.sent[~tally.calls].sum()) for tally in rounds]
    answered, sent = (float(sum(part)) for part in zip(*twins, strict=True)) if twins else (0.0, 0.0)
    kinds = {flow.router for epoch in epochs for flow in _flows(epoch, direction, hops)} - {""}
    router = min(kinds, default="", key=("home", "provider", "public").index)
    low, high = _bounds(rounds, seed)
    return HopLoss(hops, low, high, answered / sent if sent else 0.0, len(rounds), router)


def _flows(epoch: Epoch, direction: Direction, hops: int) -> list[Observation]:
    return [flow for flow in epoch.flows if flow.direction == direction and flow.limited and flow.hops == hops]


def _tally(epoch: Epoch, direction: Direction, hops: int) -> Tally | None:
    flows = [] if epoch.missing else _flows(epoch, direction, hops)
    track = epoch.up if direction == "up" else epoch.down
    counts = np.array([_counts(flow, track) for flow in flows], np.float64).reshape(-1, 2)
    heard = counts[:, 0] > 0
    calls = np.array([flow.role == "call" for flow in flows], np.bool_)[heard]
    if not calls.any() or calls.all():
        return None
    label = f"{epoch.arm}/{epoch.number}/{direction}/{hops}"
    return Tally(calls, counts[heard, 0], counts[heard, 1], label)


def _counts(flow: Observation, track: Track) -> tuple[int, int]:
    """Return (limited packets that were sent, those answered)."""
    size = len(track.stage)
    left = unpack(flow.sent, size) & unpack(flow.limited, size)
    sent, came = int(left.sum()), int((left & unpack(flow.arrived, size)).sum())
    return sent, min(sent, came + flow.exceeded)


def _bounds(rounds: Sequence[Tally], seed: bytes) -> tuple[float, float]:
    """Return the outermost hypotheses that neither side rejects, one grid step further out; (0, 1) without any data."""
    if not rounds:
        return 0.0, 1.0
    limit = log(2.0 / (1.0 - LEVEL))
    more = sum(_log_e(tally, seed, 1.0) for tally in rounds)
    less = sum(_log_e(tally, seed, -1.0) for tally in rounds)
    worse = log_mean(np.asarray(more), even(len(TILTS))) >= limit
    better = log_mean(np.asarray(less), even(len(TILTS))) >= limit
    low, high = np.flatnonzero(~worse), np.flatnonzero(~better)
    first, last = (int(low[0]) if len(low) else len(GRID) - 1), (int(high[-1]) if len(high) else 0)
    return float(GRID[max(0, first - 1)]) if first else 0.0, float(GRID[min(len(GRID) - 1, last + 1)])


def _log_e(tally: Tally, seed: bytes, sign: float) -> Floats:
    """Compute log e against each hypothesis, (GRID, TILTS); `sign` is +1 to test if more of calls go unanswered, -1 if
    fewer."""
    answered = np.tile(tally.answered, (len(GRID), 1))
    answered[:, ~tally.calls] -= _thinned(tally, seed)
    packets = float(np.median(tally.sent))
    angle = 2.0 * np.sqrt(packets) * np.arcsin(np.sqrt(1.0 - answered / tally.sent))
    return log_e_rows(sign * angle[:, None, :] * TILTS[:, None], tally.calls)


def _thinned(tally: Tally, seed: bytes) -> Floats:
    """Count how many of each twin's answers are virtually lost, (GRID, twins); one uniform number per answer serves all
    hypotheses."""
    key = hashlib.sha256(len(seed).to_bytes(4, "big") + seed + tally.label.encode()).digest()[:16]
    counts = tally.answered[~tally.calls].astype(int)
    draws = np.random.Generator(np.random.PCG64(int.from_bytes(key, "big"))).random((len(counts), max(1, counts.max())))
    draws[np.arange(draws.shape[1]) >= counts[:, None]] = 2.0
    return np.asarray((draws < GRID[:, None, None]).sum(axis=-1), np.float64)
