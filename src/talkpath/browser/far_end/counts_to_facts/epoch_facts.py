"""Makes the facts of one epoch from both ends' counts. Pure.

Contract: slot i of media is the i-th 20 ms after both ends began to send. Before it are TRIES slots for each of the
set-up stages `stun` and `dtls`; a twin passes both with its handshake. The page knows its calls by counts of getStats,
each 250 ms; its twins are brought into the same form and read by the same code (`place_losses`), so that nothing but
the network makes calls and twins differ here. Up, the far end recorded every packet of both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from statistics import median

import msgspec

from talkpath.apps.contract.shape import Direction
from talkpath.browser.far_end.counts_to_facts.arrivals import (
    Media,
    clock_offset,
    delays_down,
    delays_up,
    down_media,
    schedule_lead,
    up_call,
    up_twin,
    without_browser_delay,
)
from talkpath.browser.far_end.counts_to_facts.call_paths import PATH_DIRECTIONS
from talkpath.browser.far_end.counts_to_facts.epoch_report import (
    EpochTimes,
    FarFlowReport,
    PageEpochReport,
    PageFlowReport,
    why_excluded,
)
from talkpath.browser.far_end.schedule import EpochSchedule, FlowSchedule
from talkpath.browser.webrtc.call_media import TICK_MS, CallMedium
from talkpath.measure.bitmap import pack_bitmap
from talkpath.measure.facts import MEDIAN_QUANTILE, Epoch, Observation, Role, Track
from talkpath.wire.control.question import PacketStage

SETUP_TRIES = 3
SETUP_STAGES: tuple[PacketStage, ...] = ("stun", "dtls")
SETUP_TRACK_SLOTS = SETUP_TRIES * len(SETUP_STAGES)
SETUP_BYTES, LEAD_MS = 100, 1000.0
LATE_SLOTS = 50
HEAVY_LOSS, HEAVY_SHARE = 0.25, 0.1  # of one flow in one direction; the share of such flows up to which set-up counts


def epoch_track(medium: CallMedium) -> Track:
    """When which packet is due, in either direction."""
    slots = medium.slots
    return Track(
        at_ms=(
            *(float(index) for index in range(SETUP_TRACK_SLOTS)),
            *(LEAD_MS + TICK_MS * index for index in range(slots)),
        ),
        size=(*(SETUP_BYTES,) * SETUP_TRACK_SLOTS, *(medium.wire_bytes,) * slots),
        stage=(
            *(stage for stage in SETUP_STAGES for _ in range(SETUP_TRIES)),
            *tuple[PacketStage, ...]("media" for _ in range(slots)),
        ),
    )


def epoch_from_counts(
    schedule: EpochSchedule,
    near: PageEpochReport,
    far_reports: Mapping[int, FarFlowReport],
    times: EpochTimes,
    seed: bytes,
    port: int,
    *,
    has_channels: bool = False,
    different_routes: bool = False,
) -> Epoch:
    """Return the epoch's facts.

    `near` is the page's report, `far_reports` has this end's. `has_channels`: the twins are data channels, which need
    the same set-up as calls. `different_routes`: calls and twins came from different addresses.
    """
    medium, track = schedule.medium, epoch_track(schedule.medium)
    reports = {flow.flow: PageFlowReport(flow.flow) for flow in schedule.flows}
    reports |= {report.flow: report for report in near.flows}
    flows = _flow_observations(
        schedule, reports, far_reports, _media_slots(schedule, reports, far_reports, times, seed), port
    )
    missing = "no_control" if different_routes else why_excluded(schedule, near, far_reports, has_channels)
    if not missing and near.phased:
        flows = _with_delays(schedule, reports, far_reports, times, flows)
    return Epoch(
        number=schedule.number,
        app=medium.arm.app,
        variant=medium.arm.variant,
        medium=medium.arm.medium,
        k=schedule.calls,
        started_s=times.started_s,
        ended_s=times.ended_s,
        cut_s=times.ended_s,
        up=track,
        down=track,
        flows=tuple(flows),
        question=schedule.question,
        known_s=times.known_s,
        missing=missing,
    )


def _flow_observations(
    schedule: EpochSchedule,
    reports: Mapping[int, PageFlowReport],
    far_reports: Mapping[int, FarFlowReport],
    media: Mapping[Direction, Mapping[int, Media]],
    port: int,
) -> list[Observation]:
    """One observation of each flow in each direction; without set-up where that cannot be compared."""
    flows = [
        _flow_observation(
            schedule, flow, reports[flow.flow], far_reports[flow.flow], direction, media[direction][flow.flow], port
        )
        for flow in schedule.flows
        for direction in media
    ]
    return flows if setup_comparable(flows) else [msgspec.structs.replace(flow, answered={}) for flow in flows]


def _media_slots(
    schedule: EpochSchedule,
    reports: Mapping[int, PageFlowReport],
    far_reports: Mapping[int, FarFlowReport],
    times: EpochTimes,
    seed: bytes,
) -> dict[Direction, dict[int, Media]]:
    """The slots that every flow sent, and those that arrived, in each direction."""
    slots, offset_s = schedule.medium.slots, clock_offset(schedule, far_reports, times)
    ahead_ms = schedule_lead(schedule, reports, far_reports)
    up: dict[int, Media] = {}
    down: dict[int, Media] = {}
    for flow_schedule in schedule.flows:
        report, far = reports[flow_schedule.flow], far_reports[flow_schedule.flow]
        is_call = flow_schedule.kind == "call"
        up[flow_schedule.flow] = up_call(report, far, offset_s, slots) if is_call else up_twin(report, far, slots)
        rng = Random(f"{seed.hex()}/{schedule.number}/{flow_schedule.flow}")
        down[flow_schedule.flow] = down_media(report, far, ahead_ms, rng)
    return {"up": common_window(up, slots), "down": common_window(down, slots)}


def _with_delays(
    schedule: EpochSchedule,
    reports: Mapping[int, PageFlowReport],
    far_reports: Mapping[int, FarFlowReport],
    times: EpochTimes,
    flows: Sequence[Observation],
) -> list[Observation]:
    """The observations with their delays. Data channels carry no times, so they have none."""
    schedules, offset_s = (
        {flow_schedule.flow: flow_schedule for flow_schedule in schedule.flows},
        clock_offset(schedule, far_reports, times),
    )
    found = []
    for flow in flows:
        flow_schedule, report, far = schedules[flow.flow], reports[flow.flow], far_reports[flow.flow]
        is_call = flow_schedule.kind == "call"
        if flow.direction == "up":
            quantiles = delays_up(report, far, offset_s, is_call=is_call)
        else:
            quantiles = delays_down(report, far, flow_schedule.phase_ms, schedule.medium.name, is_call=is_call)
        found.append(msgspec.structs.replace(flow, delay_dms=quantiles))
    by_way = [
        _without_browser_delays([each for each in found if each.direction == direction])
        for direction in PATH_DIRECTIONS
    ]
    return [flow for pair in zip(*by_way, strict=True) for flow in pair]


def _without_browser_delays(flows: Sequence[Observation]) -> list[Observation]:
    """Calls' delays without what the browser itself may add; none if no twin's is known."""
    twins = [flow.delay_dms[MEDIAN_QUANTILE] for flow in flows if flow.delay_dms and flow.role == "twin"]
    usual = median(twins) if twins else None
    return [
        msgspec.structs.replace(
            flow, delay_dms=without_browser_delay(flow.delay_dms, usual) if usual is not None else ()
        )
        if flow.role == "call" and flow.delay_dms
        else flow
        for flow in flows
    ]


def common_window(media: dict[int, Media], slots: int) -> dict[int, Media]:
    """Keep only the slots in which every flow was sending. A call begins a few packets after its twins, and a test that
    fills in unsent slots would see a difference there. A flow that began too late is left out."""
    starts = {flow: min(sent) for flow, (sent, _) in media.items() if sent and min(sent) <= LATE_SLOTS}
    ends = [max(media[flow][0]) for flow in starts if max(media[flow][0]) >= slots - LATE_SLOTS]
    window = set(range(max(starts.values(), default=0), min(ends, default=slots - 1) + 1))
    return {
        flow: (sent & window, arrived & window) if flow in starts else (set(), set())
        for flow, (sent, arrived) in media.items()
    }


def setup_comparable(flows: Sequence[Observation]) -> bool:
    """Whether set-up of calls and twins may be compared. A call's takes more messages than a twin's, so on a line with
    heavy loss it fails more often without any restriction. Decided by all flows that were set up, calls or twins."""
    set_up = [flow for flow in flows if flow.answered["dtls"]]
    lossy = sum(_loss_share(flow) > HEAVY_LOSS for flow in set_up)
    return lossy <= HEAVY_SHARE * len(set_up)


def _loss_share(flow: Observation) -> float:
    sent = int.from_bytes(flow.sent, "little").bit_count()
    return 1.0 - int.from_bytes(flow.arrived, "little").bit_count() / sent if sent else 0.0


def _flow_observation(
    schedule: EpochSchedule,
    flow_schedule: FlowSchedule,
    report: PageFlowReport,
    far: FarFlowReport,
    direction: Direction,
    media: Media,
    port: int,
) -> Observation:
    slots = SETUP_TRACK_SLOTS + schedule.medium.slots
    role: Role = "call" if flow_schedule.kind == "call" else "twin"
    sent, arrived = _setup_slots(report, far, direction)
    withheld = set(flow_schedule.withheld)
    sent |= {SETUP_TRACK_SLOTS + slot for slot in media[0] - withheld}
    arrived |= {SETUP_TRACK_SLOTS + slot for slot in media[1] - withheld}
    return Observation(
        id=1000 * schedule.number + 2 * flow_schedule.flow + (direction == "down"),
        flow=flow_schedule.flow,
        role=role,
        direction=direction,
        sent=pack_bitmap(sorted(sent), slots),
        arrived=pack_bitmap(sorted(arrived), slots),
        twin_kind=None if flow_schedule.kind == "call" else flow_schedule.kind,
        canary=flow_schedule.canary,
        port=port,
        withheld=pack_bitmap(sorted(SETUP_TRACK_SLOTS + slot for slot in withheld), slots) if withheld else b"",
        answered={"stun": report.stun_ms is not None, "dtls": report.dtls_ms is not None},
        setup_ms=report.dtls_ms,
    )


def _setup_slots(report: PageFlowReport, far: FarFlowReport, direction: Direction) -> tuple[set[int], set[int]]:
    """(sent, arrived) of the set-up slots. A stage is tried until answered, and begins after the one before it."""
    stun, dtls = report.stun_ms is not None, report.dtls_ms is not None
    reached = stun or far.requests > 0, dtls or far.hellos > 0
    tried = (True, stun) if direction == "up" else reached
    came = reached if direction == "up" else (stun, dtls)
    sent = {
        SETUP_TRIES * stage + each for stage in range(len(SETUP_STAGES)) if tried[stage] for each in range(SETUP_TRIES)
    }
    return sent, {index for index in sent if came[index // SETUP_TRIES]}
