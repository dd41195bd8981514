"""From what both ends counted to the facts of one epoch. Pure.

Contract: slot i of media is the i-th 20 ms after both ends began; before it come TRIES slots each of the set-up stages
`stun` and `dtls`, which a twin passes with its handshake. Whatever the page knows of calls it knows from getStats each
250 ms, as counts; what it knows of twins is brought into the same form and read by the same code (`spread`), so that
nothing but the network tells a call from a twin here. Up, the far end saw single packets of both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from statistics import median

import msgspec

from talkpath.apps.contract.shape import Direction
from talkpath.browser.far_end.arrivals import (
    MEDIAN,
    Media,
    delays_down,
    delays_up,
    down,
    less_own,
    offset,
    soonest,
    up_call,
    up_twin,
)
from talkpath.browser.far_end.voice import TICK_MS
from talkpath.browser.media import Medium
from talkpath.browser.reports import EpochReport, FarFlow, FlowReport, Times
from talkpath.browser.schedule import EpochOrder, Opening
from talkpath.measure.bitmap import pack
from talkpath.measure.facts import Epoch, Observation, Role, Track

WAYS: tuple[Direction, ...] = ("up", "down")
TRIES = 3
STAGES = ("stun", "dtls")
SETUP = TRIES * len(STAGES)
SETUP_BYTES, LEAD_MS = 100, 1000.0
LATE_SLOTS = 50
OFFERED = 0.98  # less of a flow on the wire: it was throttled
HEAVY, HEAVY_SHARE = 0.25, 0.1  # loss of one flow one way, and how many such flows may be, for set-up to count


def track(medium: Medium) -> Track:
    """The schedule of either direction; every packet of media is equally long."""
    slots = medium.slots
    return Track(
        at_ms=(*(float(index) for index in range(SETUP)), *(LEAD_MS + TICK_MS * index for index in range(slots))),
        size=(*(SETUP_BYTES,) * SETUP, *(medium.wire_bytes,) * slots),
        stage=(*(stage for stage in STAGES for _ in range(TRIES)), *("media",) * slots),
    )


def epoch(
    order: EpochOrder,
    near: EpochReport,
    seen: Mapping[int, FarFlow],
    times: Times,
    seed: bytes,
    port: int,
    *,
    channels: bool = False,
    apart: bool = False,
) -> Epoch:
    """The epoch's facts. `channels`: the twins are data channels, which need all that a call's set-up needs. `apart`:
    calls and twins came from unlike addresses, so by unlike ways."""
    medium, plan = order.medium, track(order.medium)
    reports = {opening.flow: FlowReport(opening.flow) for opening in order.flows}
    reports |= {report.flow: report for report in near.flows}
    media = _media(order, reports, seen, times, seed)
    flows = [
        _observation(order, opening, reports[opening.flow], seen[opening.flow], way, media[way][opening.flow], port)
        for opening in order.flows
        for way in media
    ]
    if not comparable(flows):
        flows = [msgspec.structs.replace(flow, answered={}) for flow in flows]
    missing = "no_control" if apart else _missing(order, near, seen, channels)
    if not missing and near.phased:
        flows = _delayed(order, reports, seen, times, flows)
    return Epoch(
        number=order.number,
        app=medium.arm.app,
        variant=medium.arm.variant,
        medium=medium.arm.medium,
        k=order.calls,
        started_s=times.started_s,
        ended_s=times.ended_s,
        cut_s=times.ended_s,
        up=plan,
        down=plan,
        flows=tuple(flows),
        known_s=times.known_s,
        missing=missing,
    )


def _media(
    order: EpochOrder,
    reports: Mapping[int, FlowReport],
    seen: Mapping[int, FarFlow],
    times: Times,
    seed: bytes,
) -> dict[Direction, dict[int, Media]]:
    """What every flow sent and what of it arrived, each way."""
    slots, offset_s = order.medium.slots, offset(order, seen, times)
    ahead_ms = soonest(order, reports, seen)
    up: dict[int, Media] = {}
    back: dict[int, Media] = {}
    for opening in order.flows:
        report, heard = reports[opening.flow], seen[opening.flow]
        is_call = opening.kind == "call"
        up[opening.flow] = up_call(report, heard, offset_s, slots) if is_call else up_twin(report, heard, slots)
        dice = Random(f"{seed.hex()}/{order.number}/{opening.flow}")
        back[opening.flow] = down(report, heard, ahead_ms, dice)
    return {"up": alike(up, slots), "down": alike(back, slots)}


def _delayed(
    order: EpochOrder,
    reports: Mapping[int, FlowReport],
    seen: Mapping[int, FarFlow],
    times: Times,
    flows: Sequence[Observation],
) -> list[Observation]:
    """The observations with their delays. Data channels carry no times: then nothing is said of delay."""
    openings, offset_s = {opening.flow: opening for opening in order.flows}, offset(order, seen, times)
    found = []
    for flow in flows:
        opening, report, heard = openings[flow.flow], reports[flow.flow], seen[flow.flow]
        is_call = opening.kind == "call"
        if flow.direction == "up":
            quantiles = delays_up(report, heard, offset_s, is_call=is_call)
        else:
            quantiles = delays_down(report, heard, opening.phase_ms, order.medium.name, is_call=is_call)
        found.append(msgspec.structs.replace(flow, delay_dms=quantiles))
    by_way = [_without_own([each for each in found if each.direction == way]) for way in WAYS]
    return [flow for pair in zip(*by_way, strict=True) for flow in pair]


def _without_own(flows: Sequence[Observation]) -> list[Observation]:
    """Calls' delays without what the browser itself may add; none where no twin's is known."""
    twins = [flow.delay_dms[MEDIAN] for flow in flows if flow.delay_dms and flow.role == "twin"]
    usual = median(twins) if twins else None
    return [
        msgspec.structs.replace(flow, delay_dms=less_own(flow.delay_dms, usual) if usual is not None else ())
        if flow.role == "call" and flow.delay_dms
        else flow
        for flow in flows
    ]


def _missing(order: EpochOrder, near: EpochReport, seen: Mapping[int, FarFlow], channels: bool) -> str:
    """Why the epoch compares nothing; "" where it does."""
    if untried(order, near):
        return "untried"
    if channels and not any(report.dtls_ms is not None for report in near.flows):
        return "no_control"
    if not near.phased:
        return "unphased"
    if unlike(seen):
        return "unlike"
    return "throttled" if throttled(order, near, seen) or held(order, near) else ""


def alike(media: dict[int, Media], slots: int) -> dict[int, Media]:
    """Only the slots in which every flow spoke. A call begins a few packets after its twins, and a test that fills in
    what a flow did not send would take that for something. A flow that began too late for it says nothing at all."""
    starts = {flow: min(sent) for flow, (sent, _) in media.items() if sent and min(sent) <= LATE_SLOTS}
    ends = [max(media[flow][0]) for flow in starts if max(media[flow][0]) >= slots - LATE_SLOTS]
    window = set(range(max(starts.values(), default=0), min(ends, default=slots - 1) + 1))
    return {
        flow: (sent & window, arrived & window) if flow in starts else (set(), set())
        for flow, (sent, arrived) in media.items()
    }


def untried(order: EpochOrder, near: EpochReport) -> bool:
    """Is there a call that the browser never even asked for? A setting, an add-on or a policy may keep calls off the
    network and let look-alikes pass; the far end hears nothing then, as if the network had dropped it."""
    calls = {opening.flow for opening in order.flows if opening.kind == "call"}
    return any(not report.tried and report.stun_ms is None for report in near.flows if report.flow in calls)


def unlike(seen: Mapping[int, FarFlow]) -> bool:
    """Were calls' packets longer or shorter than their twins'? A line may lose by size, and a browser choose another
    cipher or add header extensions. Asked of the calls with any such."""
    came = sum(len(flow.arrivals) for flow in seen.values() if flow.unlike)
    return sum(flow.unlike for flow in seen.values()) > (1.0 - OFFERED) * came


def held(order: EpochOrder, near: EpochReport) -> bool:
    """Did the browser hold a camera's calls back, or send what it was not given? Over all calls that came up."""
    calls = {opening.flow for opening in order.flows if opening.kind == "call"}
    reports = [report for report in near.flows if report.flow in calls and report.sent and report.polls]
    due = sum(report.sent[-1] - report.sent[0] + 1 for report in reports)
    gave, sent = sum(len(report.sent) for report in reports), sum(report.polls[-1].sent for report in reports)
    return min(gave, sent) < OFFERED * due or sent > (2.0 - OFFERED) * due


def throttled(order: EpochOrder, near: EpochReport, seen: Mapping[int, FarFlow]) -> bool:
    """Did the browser hold twins back? Of what was due, less than OFFERED was on the wire, over all twins.

    What came, and what is missing by packet numbers, was on it; of the missing numbers as large a part were
    datagrams as of those that came (the others only acknowledge). Looked at between each twin's first and last
    datagram that came: a flow that dies is not held back.
    """
    reports = {report.flow: report for report in near.flows}
    due = on_wire = 0.0
    for opening in order.flows:
        flow = seen[opening.flow]
        if opening.kind == "call" or len(flow.arrivals) < 2:
            continue
        slots = [slot for slot, _ in flow.arrivals]
        span = [slot for slot in range(min(slots), max(slots) + 1) if slot not in set(opening.withheld)]
        wrote = len(set(reports[opening.flow].sent) & set(span))
        # a data channel has no packet numbers: what it was given is all that is known
        lost = flow.lost_packets * min(1.0, len(slots) / flow.packets) if flow.packets else wrote
        due, on_wire = due + len(span), on_wire + min(wrote, len(slots) + lost)
    return on_wire < OFFERED * due


def together(epochs: Sequence[Epoch]) -> tuple[Epoch, ...]:
    """A medium whose twins failed it once compares nothing: to leave out that epoch alone would be to choose. Which
    paths carry a call is no comparison, and stays; unless the browser keeps calls to itself."""
    why = {epoch.medium: epoch.missing for epoch in reversed(epochs) if epoch.missing}
    return tuple(
        msgspec.structs.replace(epoch, missing=reason)
        if (reason := why.get(epoch.medium, "")) == "untried" or epoch.question == "battery"
        else epoch
        for epoch in epochs
    )


def comparable(flows: Sequence[Observation]) -> bool:
    """May set-up be held against set-up? A call's takes more messages than a twin's, so on a line that loses much
    it fails more often without any rule. Asked of the flows that came up, whatever they are."""
    up = [flow for flow in flows if flow.answered["dtls"]]
    bad = sum(_lost(flow) > HEAVY for flow in up)
    return bad <= HEAVY_SHARE * len(up)


def _lost(flow: Observation) -> float:
    sent = int.from_bytes(flow.sent, "little").bit_count()
    return 1.0 - int.from_bytes(flow.arrived, "little").bit_count() / sent if sent else 0.0


def _observation(
    order: EpochOrder,
    opening: Opening,
    report: FlowReport,
    heard: FarFlow,
    way: Direction,
    media: Media,
    port: int,
) -> Observation:
    slots = SETUP + order.medium.slots
    role: Role = "call" if opening.kind == "call" else "twin"
    sent, arrived = _setup(report, heard, way)
    kept = set(opening.withheld)
    sent |= {SETUP + slot for slot in media[0] - kept}
    arrived |= {SETUP + slot for slot in media[1] - kept}
    return Observation(
        id=1000 * order.number + 2 * opening.flow + (way == "down"),
        flow=opening.flow,
        role=role,
        direction=way,
        sent=pack(sorted(sent), slots),
        arrived=pack(sorted(arrived), slots),
        twin_kind=None if opening.kind == "call" else opening.kind,
        canary=opening.canary,
        port=port,
        withheld=pack(sorted(SETUP + slot for slot in kept), slots) if kept else b"",
        answered={"stun": report.stun_ms is not None, "dtls": report.dtls_ms is not None},
        setup_ms=report.dtls_ms,
    )


def _setup(report: FlowReport, heard: FarFlow, way: Direction) -> tuple[set[int], set[int]]:
    """(sent, arrived) of the set-up slots. A stage is tried until it is answered; it starts once the last one was."""
    stun, dtls = report.stun_ms is not None, report.dtls_ms is not None
    reached = stun or heard.requests > 0, dtls or heard.hellos > 0
    tried = (True, stun) if way == "up" else reached
    came = reached if way == "up" else (stun, dtls)
    sent = {TRIES * stage + each for stage in range(len(STAGES)) if tried[stage] for each in range(TRIES)}
    arrived = {index for index in sent if came[index // TRIES]}
    return sent, arrived
