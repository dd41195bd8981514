"""How one transport carried a call: epochs with the question "transport", summed up. Facts; `quality` rates them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from talkpath.apps.contract.shape import Direction
from talkpath.measure.bitmap import matrix, unpack
from talkpath.measure.facts import DELAY_QUANTILES, Epoch, Observation, Track


class Way(Struct, frozen=True):
    """One direction: media packets that were due and that arrived, and in how many runs the others were lost.

    `delay_ms` is how much later than the fastest packets of any transport nearly all arrived (what a player must wait
    for: over TCP a lost packet holds up those behind it), None where none did.
    """

    sent: int
    arrived: int
    runs: int = 0
    delay_ms: float | None = None


class Carry(Struct, frozen=True):
    """One arm over one transport ("udp/443", "tls/443", "wss/443").

    `setup_ms` is the median over flows from the first packet, or from dialling, to the last answer of the set-up; None
    where most flows had no answer.
    """

    app: str
    variant: str
    medium: str
    transport: str
    up: Way
    down: Way
    setup_ms: float | None = None


def carries(epochs: Sequence[Epoch]) -> list[Carry]:
    """One row an arm and transport, in the order in which they were asked."""
    asked = [epoch for epoch in epochs if epoch.question == "transport" and not epoch.missing]
    return [_carry(epoch, path) for epoch in asked for path in str(epoch.value).split(",")]


def _carry(epoch: Epoch, path: str) -> Carry:
    flows = [flow for flow in epoch.flows if f"{flow.transport}/{flow.port}" == path]
    ways = [flow for flow in flows if flow.direction == "up"]
    times = sorted(flow.setup_ms for flow in ways if flow.setup_ms is not None)
    setup_ms = times[len(times) // 2] if 2 * len(times) > len(ways) else None
    return Carry(
        app=epoch.app,
        variant=epoch.variant,
        medium=epoch.medium,
        transport=path,
        up=_way(epoch, flows, "up"),
        down=_way(epoch, flows, "down"),
        setup_ms=setup_ms,
    )


def _way(epoch: Epoch, among: Sequence[Observation], direction: Direction) -> Way:
    """A direction that was never heard of counts as due and not arrived."""
    track = epoch.up if direction == "up" else epoch.down
    size = len(track.stage)
    media = [stage == "media" for stage in track.stage]
    flows = [flow for flow in among if flow.direction == direction]
    counted, lost = (table[:, media] for table in matrix(flows, size))
    runs = int((np.diff(lost.astype(np.int8), axis=1, prepend=0) == 1).sum())
    sent, gone = int(counted.sum()), int(lost.sum())
    # the responder sends nothing to a flow that it never heard: all of it is missing
    silent = sum(not unpack(flow.sent, size).any() for flow in flows) if direction == "down" else 0
    return Way(sent + silent * sum(media), sent - gone, runs + silent, _delay_ms(epoch, flows, direction, track))


def _delay_ms(epoch: Epoch, flows: Sequence[Observation], direction: Direction, track: Track) -> float | None:
    """The slowest flow's: of its highest quantile that is free of packets due before its set-up was done."""
    zero = min((f.delay_dms[0] for f in epoch.flows if f.direction == direction and f.delay_dms), default=0)
    late = [flow.delay_dms[_quantile(flow, track)] - zero for flow in flows if flow.delay_dms]
    return round(max(late) / 10.0, 1) if late else None


def _quantile(flow: Observation, track: Track) -> int:
    """Media that are due while a stream is still being dialled come late, once: no call talks before it is set up."""
    due_ms = [at_ms for at_ms, stage in zip(track.at_ms, track.stage, strict=True) if stage == "media"]
    early = sum(at_ms < (flow.setup_ms or 0.0) for at_ms in due_ms) / len(due_ms) if due_ms else 0.0
    return max((place for place, q in enumerate(DELAY_QUANTILES) if q <= 1.0 - early), default=0)
