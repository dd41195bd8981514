"""How one transport carried a call: epochs with the question "transport", summed up."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from talkpath.measure.bitmap import matrix, unpack
from talkpath.measure.facts import Direction, Epoch, Observation


class Carry(Struct, frozen=True):
    """One arm over one transport ("udp/443", "tls/443"): media packets sent and arrived each way, set-up time.

    `setup_ms` is the median over flows, None where most flows had no answer.
    """

    app: str
    variant: str
    medium: str
    transport: str
    sent_up: int
    arrived_up: int
    sent_down: int
    arrived_down: int
    setup_ms: float | None = None


def carries(epochs: Sequence[Epoch]) -> list[Carry]:
    """One row an arm and transport, in the order in which they were asked."""
    asked = [epoch for epoch in epochs if epoch.question == "transport" and not epoch.missing]
    return [_carry(epoch, path) for epoch in asked for path in str(epoch.value).split(",")]


def _carry(epoch: Epoch, path: str) -> Carry:
    flows = [flow for flow in epoch.flows if f"{flow.transport}/{flow.port}" == path]
    up, down = _count(epoch, flows, "up"), _count(epoch, flows, "down")
    ways = [flow for flow in flows if flow.direction == "up"]
    times = sorted(flow.setup_ms for flow in ways if flow.setup_ms is not None)
    setup_ms = times[len(times) // 2] if 2 * len(times) > len(ways) else None
    return Carry(*epoch.arm, path, *up, *down, setup_ms)


def _count(epoch: Epoch, among: Sequence[Observation], direction: Direction) -> tuple[int, int]:
    """(sent, arrived) media packets. A direction that was never heard of counts as due and not arrived."""
    track = epoch.up if direction == "up" else epoch.down
    size = len(track.stage)
    media = [stage == "media" for stage in track.stage]
    flows = [flow for flow in among if flow.direction == direction]
    counted, lost = matrix(flows, size)
    sent, missing = int(counted[:, media].sum()), int(lost[:, media].sum())
    if direction == "down":  # the responder sends nothing to a flow that it never heard: all of it is missing
        silent = sum(not unpack(flow.sent, size).any() for flow in flows)
        return sent + silent * sum(media), sent - missing
    return sent, sent - missing
