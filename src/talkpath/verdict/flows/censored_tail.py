"""Bounds how much a line may have lost after the last arrival of a flow (the observation of its end is censored).

When a middlebox cuts a flow off, the line may lose the last packets that still passed it; the far end then sees the
flow end too early. So the cut-off is no earlier than the last arrival, and no later than where the line would have to
lose more than it does. The chance that it loses a packet comes from twins of the same slot where twins go on, else from
the flow's own earlier losses. Contract: facts only. A place is a packet count or a time (s), as the caller chooses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from talkpath.apps.contract.shape import Direction
from talkpath.measure.arrays import Floats
from talkpath.measure.facts import Epoch
from talkpath.verdict.flows.direction_losses import DirectionLosses, losses_of
from talkpath.verdict.flows.outcomes import DirectionOutcome, FlowOutcome, counted_per_packet
from talkpath.verdict.statistics.cohort import DIRECTIONS

LOG_UNLIKELY = float(np.log(0.05))  # with 95 % confidence the line did not lose all that


class Tail(NamedTuple):
    """One flow's packets after its last arrival: the place of each, ascending, and ln of the chance that the line lost
    it; 0 for packets that are no evidence."""

    at: Floats
    log_chance: Floats


def first_excluded(beyond: float, tails: Sequence[Tail]) -> float | None:
    """Return the first place past `beyond` whose packets would have arrived if the middlebox had let them pass; None if
    there is none. All flows ended alike, so the losses of all count together."""
    if not tails:
        return None
    at, log_chance = np.concatenate([t.at for t in tails]), np.concatenate([t.log_chance for t in tails])
    order = np.argsort(at, kind="stable")
    order = order[at[order] > beyond]
    over = np.flatnonzero(log_chance[order].cumsum() < LOG_UNLIKELY)
    return float(at[order][over[0]]) if len(over) else None


def tail_by_count(
    flow: FlowOutcome,
    hit: tuple[Direction, ...],
    most: int,
    slack_s: float,
    log_chance: Sequence[Floats],
    header_bytes: int | None = None,
) -> Tail:
    """Build the tail by what a middlebox counts of both directions (`counted_per_packet`), of which it lets pass at
    `most` so much if all of the tail was cut off; `log_chance` are those of the tail up and down. Packets before an
    arrival of the other direction did pass, and a direction that is not cut off is no evidence."""
    last_s = max(flow.of(direction).last_s or 0.0 for direction in hit)
    next_s = min((flow.of(direction).next_s or last_s for direction in hit), default=last_s)
    times: list[Floats] = []
    chances: list[Floats] = []
    adds: list[Floats] = []
    for direction, log_chances in zip(DIRECTIONS, log_chance, strict=True):
        outcome = flow.of(direction)
        if direction in hit:
            after = np.arange(outcome.sent) >= outcome.sent - outcome.tail
            chances.append(np.where(outcome.sent_s[after] <= last_s, 0.0, log_chances))
        else:
            after = outcome.sent_s > next_s + slack_s * (direction == "up")
            chances.append(np.zeros(int(after.sum())))
        times.append(outcome.sent_s[after])
        adds.append(counted_per_packet(outcome.sent_bytes[after], header_bytes))
    order = np.argsort(np.concatenate(times), kind="stable")
    passed = np.concatenate(adds)[order].cumsum()
    return Tail(most + 1.0 + passed - passed[:1].sum(), np.concatenate(chances)[order])


def tail_s(outcome: DirectionOutcome) -> Floats:
    """Return when the packets after the last arrival were sent."""
    return outcome.sent_s[len(outcome.sent_s) - outcome.tail :]


def tail_by_twins(epoch: Epoch, outcome: FlowOutcome) -> tuple[Floats, Floats]:
    """Return (up, down): ln of the chance that the line lost each packet of the tail, from the twins of its slot."""
    known = {losses.direction: losses for losses in losses_of(epoch)}
    up, down = (_chance_by_twins(known.get(direction), tail_s(outcome.of(direction))) for direction in DIRECTIONS)
    return up, down


def _chance_by_twins(losses: DirectionLosses | None, after_s: Floats) -> Floats:
    if losses is None:
        return np.zeros(len(after_s))
    order = np.argsort(losses.at_s, kind="stable")
    slots = order[np.searchsorted(losses.at_s, after_s, sorter=order)]
    return np.asarray(losses.twins_weight * np.log(losses.chance[slots]))


def tail_by_itself(outcome: FlowOutcome, share: float) -> tuple[Floats, Floats]:
    """Return the same from the flow's earlier losses; `share` is the weight of one flow among many that share a
    background."""
    up, down = (_chance_by_itself(outcome.of(direction), share) for direction in DIRECTIONS)
    return up, down


def _chance_by_itself(outcome: DirectionOutcome, share: float) -> Floats:
    before = outcome.sent - outcome.tail
    lost = max(0, before - outcome.arrived)  # a packet that arrived but was not reported as sent is not lost
    return np.full(outcome.tail, share * np.log((lost + 0.5) / (before + 1.0)))
