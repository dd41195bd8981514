"""The same call by each path: UDP direct, and TURN over UDP, TCP and TLS; facts of the question "transport".

Contract: one call a path, all at once, for PATH_S. Up, the far end counted packets, down the page did; which of them
were lost is not kept, for nothing is compared here, only whether a call could be talked over (`measure.carry`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from talkpath.apps.contract.shape import Direction
from talkpath.browser.far_end.voice import TICK_MS
from talkpath.browser.media import VOICE
from talkpath.browser.reports import EpochReport, FarFlow, FlowReport, Times
from talkpath.measure.bitmap import pack
from talkpath.measure.facts import Epoch, Observation, Track

PATH_S, SETUP_S = 3.0, 6.0
SLOTS = round(1000 * PATH_S / TICK_MS)


class Path(Struct, frozen=True):
    """One path. `url` is the relay's, "" for the direct one; `missing` says why it is not offered."""

    name: str
    transport: str
    port: int
    url: str = ""
    missing: str = ""


def path_epoch(
    number: int, paths: Sequence[Path], near: EpochReport, far: Mapping[int, FarFlow], times: Times
) -> Epoch:
    """The facts: flow i is the call over path i."""
    plan = Track(tuple(float(TICK_MS * slot) for slot in range(SLOTS)), (VOICE.wire_bytes,) * SLOTS, ("media",) * SLOTS)
    reports = {report.flow: report for report in near.flows}
    flows = [
        _observation(number, flow, path, reports.get(flow, FlowReport(flow)), far[flow], way)
        for flow, path in enumerate(paths)
        for way in DIRECTIONS
    ]
    return Epoch(
        number=number,
        app=VOICE.arm.app,
        variant=VOICE.arm.variant,
        medium=VOICE.arm.medium,
        k=1,
        started_s=times.started_s,
        ended_s=times.ended_s,
        cut_s=times.ended_s,
        up=plan,
        down=plan,
        flows=tuple(flows),
        question="transport",
        value=",".join(path.name for path in paths),
        known_s=times.known_s,
    )


DIRECTIONS: tuple[Direction, ...] = ("up", "down")


def _observation(number: int, flow: int, path: Path, near: FlowReport, far: FarFlow, way: Direction) -> Observation:
    last = near.polls[-1] if near.polls else None
    if way == "up":
        sent, arrived = (last.sent if last else 0), len({each for each, _ in far.arrivals})
    else:
        sent, arrived = len(far.said), (last.received if last else 0)
    sent = SLOTS if near.dtls_ms is None else min(sent, SLOTS)  # a call that never came up was due all the same
    return Observation(
        id=1000 * number + 2 * flow + (way == "down"),
        flow=flow,
        role="call",
        direction=way,
        sent=pack(range(sent), SLOTS),
        arrived=pack(range(min(arrived, sent)), SLOTS),
        transport=path.transport,
        port=path.port,
        setup_ms=near.dtls_ms,
    )
