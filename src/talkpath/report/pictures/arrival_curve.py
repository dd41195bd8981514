"""The share of packets that arrived over the course of a call, and of its twin: the numbers behind the pictures.

They are counted over all epochs that compare calls with random twins, without the canary. Nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkpath.apps.contract.shape import Arm, Direction
from talkpath.measure.arrays import Floats
from talkpath.measure.bitmap import sent_and_lost
from talkpath.measure.facts import Epoch, Track
from talkpath.verdict.statistics.cohort import Choice, direction_track, is_call, is_twin
from talkpath.wire.control.question import ACCUSING

BINS, LEAST_BIN_S = 12, 0.02
MIN_BIN_PACKETS = 6  # packets that a bin needs for a point
Share = float | None


@dataclass(frozen=True, slots=True)
class ArrivalCurve:
    """One arm in one direction. `at_s` are the middles of bins of `bin_s` from the start of the calls; `call` and
    `twin` the share of the packets sent in a bin that arrived, None where too few were sent."""

    direction: Direction
    bin_s: float
    at_s: tuple[float, ...]
    call: tuple[Share, ...]
    twin: tuple[Share, ...]
    call_sent: int
    call_arrived: int
    twin_sent: int
    twin_arrived: int

    @property
    def gap(self) -> float:
        """How much less of the call arrived than of the twin, from 0 to 1."""
        if not self.twin_sent:
            return 0.0
        call = self.call_arrived / self.call_sent if self.call_sent else 0.0
        return max(0.0, self.twin_arrived / self.twin_sent - call)

    @property
    def lost(self) -> float:
        """The share of all packets, of calls and twins together, that was lost."""
        sent = self.call_sent + self.twin_sent
        return 1 - (self.call_arrived + self.twin_arrived) / sent if sent else 0.0


@dataclass(frozen=True, slots=True)
class SetUp:
    """How many flows there were, and of how many the whole set-up was answered."""

    calls: int
    calls_answered: int
    twins: int
    twins_answered: int


def arrival_curves(epochs: Sequence[Epoch], arm: Arm) -> list[ArrivalCurve]:
    """The curves of an arm, up and down; empty where it was not measured."""
    chosen = [e for e in epochs if e.arm == arm and isinstance(e.question, ACCUSING) and not e.missing]
    found = [_arrival_curve(chosen, "up"), _arrival_curve(chosen, "down")]
    return [curve for curve in found if curve.call_sent or curve.twin_sent]


def setup_answers(epochs: Sequence[Epoch], arm: Arm) -> SetUp:
    """The set-up of an arm's calls and random twins; all zero where the app has no set-up."""
    flows = [
        flow
        for epoch in epochs
        if epoch.arm == arm and isinstance(epoch.question, ACCUSING)
        for flow in epoch.flows
        if flow.direction == "up" and flow.answered
    ]
    calls, twins = ([all(flow.answered.values()) for flow in flows if choice(flow)] for choice in (is_call, is_twin))
    return SetUp(len(calls), sum(calls), len(twins), sum(twins))


def _arrival_curve(epochs: Sequence[Epoch], direction: Direction) -> ArrivalCurve:
    at_s = np.concatenate([_media_s(direction_track(epoch, direction)) for epoch in epochs] or [np.zeros(0)])
    start_s, end_s = (float(at_s.min()), float(at_s.max())) if len(at_s) else (0.0, 0.0)
    bin_s = max(LEAST_BIN_S, (end_s - start_s) / (BINS - 1))
    count = int((end_s - start_s) / bin_s) + 1
    totals: dict[Choice, tuple[Floats, Floats]] = {
        choice: (np.zeros(count), np.zeros(count)) for choice in (is_call, is_twin)
    }
    for epoch in epochs:
        place = ((_media_s(direction_track(epoch, direction)) - start_s) / bin_s).astype(int)
        for choice, (sent, arrived) in totals.items():
            more_sent, more_arrived = _packets_by_bin(epoch, direction, choice, place, count)
            sent += more_sent
            arrived += more_arrived
    return ArrivalCurve(
        direction,
        bin_s,
        tuple(round(start_s + (number + 0.5) * bin_s, 3) for number in range(count)),
        _arrived_shares(*totals[is_call]),
        _arrived_shares(*totals[is_twin]),
        *(int(part.sum()) for both in totals.values() for part in both),
    )


def _is_media(track: Track) -> NDArray[np.bool_]:
    return np.array([stage == "media" for stage in track.stage], np.bool_)


def _media_s(track: Track) -> Floats:
    """When each media packet was due, seconds from the start of the call."""
    return np.array(track.at_ms, np.float64)[_is_media(track)] / 1000


def _packets_by_bin(
    epoch: Epoch, direction: Direction, choice: Choice, place: NDArray[np.int_], count: int
) -> tuple[Floats, Floats]:
    """(sent, arrived) media packets in each of `count` bins, of all flows that are chosen. `place`: each slot's bin."""
    track = direction_track(epoch, direction)
    flows = [flow for flow in epoch.flows if flow.direction == direction and choice(flow)]
    counted, lost = sent_and_lost(flows, len(track.stage))
    sent, missing = (part[:, _is_media(track)].sum(axis=0) for part in (counted, lost))
    totals = (np.bincount(place, packets, count) for packets in (sent, sent - missing))
    sent_total, arrived_total = (np.asarray(total, np.float64) for total in totals)
    return sent_total, arrived_total


def _arrived_shares(sent: Floats, arrived: Floats) -> tuple[Share, ...]:
    return tuple(float(a / s) if s >= MIN_BIN_PACKETS else None for s, a in zip(sent, arrived, strict=True))
