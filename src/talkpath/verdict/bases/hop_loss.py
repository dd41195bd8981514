"""Estimates how many more packets of calls than of twins go unanswered when packets may go only so many hops.

A packet with a limit of h hops is *answered* if the router at that hop sends Time Exceeded, or if the packet reaches
the other end. The interval is that of `statistics.answer_loss`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from talkpath.apps.contract.shape import Direction
from talkpath.measure.bitmap import unpack_bitmap
from talkpath.measure.facts import Epoch, Observation, Track
from talkpath.verdict.statistics.answer_loss import Tally, answer_loss


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
    rounds = [tally for epoch in epochs if (tally := _hop_tally(epoch, direction, hops)) is not None]
    twins = [(tally.answered[~tally.calls].sum(), tally.sent[~tally.calls].sum()) for tally in rounds]
    answered, sent = (float(sum(part)) for part in zip(*twins, strict=True)) if twins else (0.0, 0.0)
    kinds = {flow.router for epoch in epochs for flow in _limited_flows(epoch, direction, hops)} - {""}
    router = min(kinds, default="", key=("home", "provider", "public").index)
    low, high = answer_loss(rounds, seed)
    return HopLoss(hops, low, high, answered / sent if sent else 0.0, len(rounds), router)


def _limited_flows(epoch: Epoch, direction: Direction, hops: int) -> list[Observation]:
    return [flow for flow in epoch.flows if flow.direction == direction and flow.limited and flow.hops == hops]


def _hop_tally(epoch: Epoch, direction: Direction, hops: int) -> Tally | None:
    flows = [] if epoch.missing else _limited_flows(epoch, direction, hops)
    track = epoch.up if direction == "up" else epoch.down
    counts = np.array([_answered_counts(flow, track) for flow in flows], np.float64).reshape(-1, 2)
    heard = counts[:, 0] > 0
    calls = np.array([flow.role == "call" for flow in flows], np.bool_)[heard]
    if not calls.any() or calls.all():
        return None
    label = f"{epoch.arm}/{epoch.number}/{direction}/{hops}"
    return Tally(calls, counts[heard, 0], counts[heard, 1], label)


def _answered_counts(flow: Observation, track: Track) -> tuple[int, int]:
    """Return (limited packets that were sent, those answered)."""
    size = len(track.stage)
    left = unpack_bitmap(flow.sent, size) & unpack_bitmap(flow.limited, size)
    sent, came = int(left.sum()), int((left & unpack_bitmap(flow.arrived, size)).sum())
    return sent, min(sent, came + flow.exceeded)
