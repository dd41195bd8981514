"""The same call by each path: UDP direct, and TURN over UDP, TCP and TLS; facts of the question "transport".

Contract: one call a path, all at once, for PATH_S. Up, the far end counted packets; down, the page did. Which of them
were lost is not kept, since paths are not compared: the question is only whether each could carry a conversation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from talkpath.apps.contract.shape import Direction
from talkpath.browser.far_end.counts_to_facts.epoch_report import (
    EpochTimes,
    FarFlowReport,
    PageEpochReport,
    PageFlowReport,
)
from talkpath.browser.webrtc.call_media import TICK_MS, VOICE_MEDIUM
from talkpath.measure.bitmap import pack_bitmap
from talkpath.measure.facts import Epoch, Observation, Track
from talkpath.wire.control.question import TransportPaths

PATH_S, SETUP_S = 3.0, 6.0
PATH_SLOTS = round(1000 * PATH_S / TICK_MS)


class CallPath(Struct, frozen=True):
    """One path. `url` is the relay's, "" for the direct path; `missing` is why it is not offered."""

    name: str
    transport: str
    port: int
    url: str = ""
    missing: str = ""


def path_epoch(
    number: int, paths: Sequence[CallPath], near: PageEpochReport, far: Mapping[int, FarFlowReport], times: EpochTimes
) -> Epoch:
    """Return the facts of the epoch in which flow i was the call over path i."""
    plan = Track(
        tuple(float(TICK_MS * slot) for slot in range(PATH_SLOTS)),
        (VOICE_MEDIUM.wire_bytes,) * PATH_SLOTS,
        tuple("media" for _ in range(PATH_SLOTS)),
    )
    reports = {report.flow: report for report in near.flows}
    flows = [
        _path_observation(number, flow, path, reports.get(flow, PageFlowReport(flow)), far[flow], direction)
        for flow, path in enumerate(paths)
        for direction in PATH_DIRECTIONS
    ]
    return Epoch(
        number=number,
        app=VOICE_MEDIUM.arm.app,
        variant=VOICE_MEDIUM.arm.variant,
        medium=VOICE_MEDIUM.arm.medium,
        k=1,
        started_s=times.started_s,
        ended_s=times.ended_s,
        cut_s=times.ended_s,
        up=plan,
        down=plan,
        flows=tuple(flows),
        question=TransportPaths(tuple(path.name for path in paths)),
        known_s=times.known_s,
    )


PATH_DIRECTIONS: tuple[Direction, ...] = ("up", "down")


def _path_observation(
    number: int, flow: int, path: CallPath, near: PageFlowReport, far: FarFlowReport, direction: Direction
) -> Observation:
    last = near.polls[-1] if near.polls else None
    if direction == "up":
        sent, arrived = (last.sent if last else 0), len({each for each, _ in far.arrivals})
    else:
        sent, arrived = len(far.sent), (last.received if last else 0)
    if near.dtls_ms is None:
        sent = PATH_SLOTS  # all packets of a call that was never set up count as sent
    sent = min(sent, PATH_SLOTS)
    return Observation(
        id=1000 * number + 2 * flow + (direction == "down"),
        flow=flow,
        role="call",
        direction=direction,
        sent=pack_bitmap(range(sent), PATH_SLOTS),
        arrived=pack_bitmap(range(min(arrived, sent)), PATH_SLOTS),
        transport=path.transport,
        port=path.port,
        setup_ms=near.dtls_ms,
    )
