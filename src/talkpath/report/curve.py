"""How much of a call arrived while it went on, and how much of its look-alike: the numbers behind the pictures.

Counted over all epochs of the accusing question, calls beside random twins; the canary is left out. Nothing is judged
here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkpath.measure.bitmap import matrix
from talkpath.measure.facts import Direction, Epoch, Observation, Track

BIN_S = 0.1
LEAST = 6  # packets in a bin that are worth a point
QUESTIONS = ("battery", "watch")
Floats = NDArray[np.float64]
Share = float | None


@dataclass(frozen=True, slots=True)
class Curve:
    """One arm in one direction. `at_s` are the middles of bins of BIN_S from the start of the calls; `call` and `twin`
    the share of packets sent in the bin that arrived, None where too few were sent to say."""

    direction: Direction
    at_s: tuple[float, ...]
    call: tuple[Share, ...]
    twin: tuple[Share, ...]
    call_sent: int
    call_arrived: int
    twin_sent: int
    twin_arrived: int

    @property
    def gap(self) -> float:
        """How much less of the call arrived than of the twin, from 0 to 1; calls that nobody heard of count as 1."""
        if not self.twin_sent:
            return 0.0
        call = self.call_arrived / self.call_sent if self.call_sent else 0.0
        return max(0.0, self.twin_arrived / self.twin_sent - call)

    @property
    def lost(self) -> float:
        """The share that both lost together."""
        sent = self.call_sent + self.twin_sent
        return 1 - (self.call_arrived + self.twin_arrived) / sent if sent else 0.0


@dataclass(frozen=True, slots=True)
class SetUp:
    """How many flows had all their set-up answered."""

    calls: int
    calls_answered: int
    twins: int
    twins_answered: int


def curves(epochs: Sequence[Epoch], arm: tuple[str, str, str]) -> list[Curve]:
    """Up and down; empty where the arm was not measured."""
    chosen = [e for e in epochs if e.arm == arm and e.question in QUESTIONS and not e.missing]
    found = [_curve(chosen, "up"), _curve(chosen, "down")]
    return [curve for curve in found if curve.call_sent or curve.twin_sent]


def set_up(epochs: Sequence[Epoch], arm: tuple[str, str, str]) -> SetUp:
    """Calls and random twins whose set-up was answered whole, where the app has one."""
    flows = [
        flow
        for epoch in epochs
        if epoch.arm == arm and epoch.question in QUESTIONS
        for flow in epoch.flows
        if flow.direction == "up" and flow.answered
    ]
    calls = [all(flow.answered.values()) for flow in flows if _is(flow, "call")]
    twins = [all(flow.answered.values()) for flow in flows if _is(flow, "twin")]
    return SetUp(len(calls), sum(calls), len(twins), sum(twins))


def _is(flow: Observation, role: str) -> bool:
    return flow.role == role and flow.transport == "udp" and not flow.canary and flow.twin_kind != "text"


def _curve(epochs: Sequence[Epoch], direction: Direction) -> Curve:
    bins = 1 + max((int(_last_s(_track(epoch, direction)) / BIN_S) for epoch in epochs), default=0)
    totals = {role: (np.zeros(bins), np.zeros(bins)) for role in ("call", "twin")}
    for epoch in epochs:
        for role, (sent, arrived) in totals.items():
            more_sent, more_arrived = _binned(epoch, direction, role, bins)
            sent += more_sent
            arrived += more_arrived
    first = next((number for number in range(bins) if totals["twin"][0][number] >= LEAST), 0)
    return Curve(
        direction,
        tuple(round((number + 0.5) * BIN_S, 3) for number in range(first, bins)),
        _shares(*totals["call"])[first:],
        _shares(*totals["twin"])[first:],
        *(int(part.sum()) for role in ("call", "twin") for part in totals[role]),
    )


def _track(epoch: Epoch, direction: Direction) -> Track:
    return epoch.up if direction == "up" else epoch.down


def _last_s(track: Track) -> float:
    return max(track.at_ms, default=0.0) / 1000


def _binned(epoch: Epoch, direction: Direction, role: str, bins: int) -> tuple[Floats, Floats]:
    """(sent, arrived) media packets per bin, of all flows of that role."""
    track = _track(epoch, direction)
    flows = [flow for flow in epoch.flows if flow.direction == direction and _is(flow, role)]
    counted, lost = matrix(flows, len(track.stage))
    media = np.array([stage == "media" for stage in track.stage], np.bool_)
    place = np.minimum((np.array(track.at_ms)[media] / 1000 / BIN_S).astype(int), bins - 1)
    sent, missing = counted[:, media].sum(axis=0), lost[:, media].sum(axis=0)
    return np.bincount(place, sent, bins), np.bincount(place, sent - missing, bins)


def _shares(sent: Floats, arrived: Floats) -> tuple[Share, ...]:
    return tuple(float(a / s) if s >= LEAST else None for s, a in zip(sent, arrived, strict=True))
