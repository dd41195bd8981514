"""What both ends counted of one epoch, before it is made into facts. Records only.

The page's records have bounds, far above what a page of ours sends, so that no report costs much to read.

Finds epochs that cannot be used for a comparison, because the browser treats calls and twins differently.

What is excluded is decided for all epochs of a medium together (`whole_check`), so that nothing is selected by its
outcome.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from talkpath.browser.far_end.schedule import EpochSchedule
from talkpath.measure.bounds import ClockStep, Lateness
from talkpath.measure.facts import Epoch
from talkpath.wire.control.question import COMPARING

MAX_FLOWS, MAX_POLLS, MAX_PACKETS, MAX_MS = 32, 1000, 10_000, 1e6

Count = Annotated[int, Meta(ge=0, le=MAX_PACKETS)]
Stamp = Annotated[int, Meta(ge=0, le=1 << 53)]
Milliseconds = Annotated[float, Meta(ge=-MAX_MS, le=MAX_MS)]
Duration = Annotated[float, Meta(ge=0.0, le=MAX_MS)]


class Poll(Struct, frozen=True, array_like=True):
    """One reading at the page: ms after its media began, and packets sent and received by then."""

    at_ms: Milliseconds
    sent: Count
    received: Count


class PageFlowReport(Struct, frozen=True):
    """What the page counted of one flow.

    `stun_ms` and `dtls_ms` are when set-up stages were done, in ms after the page began to open the flow; None: never.
    Other times are ms after media began. `began_ms` is when it began to send. `sent` has the slots that a twin or a
    video call wrote, in order; a voice call has its own clock and gives none. `left_ms` is when each packet was handed
    to the network. `came` has (slot or RTP time stamp, ms) of each packet received. `tried` is whether the browser sent
    the call's first request at all.
    """

    flow: Annotated[int, Meta(ge=0, lt=MAX_FLOWS)]
    stun_ms: Duration | None = None
    dtls_ms: Duration | None = None
    began_ms: Duration = 0.0
    polls: Annotated[tuple[Poll, ...], Meta(max_length=MAX_POLLS)] = ()
    sent: Annotated[tuple[Count, ...], Meta(max_length=MAX_PACKETS)] = ()
    left_ms: Annotated[tuple[Milliseconds, ...], Meta(max_length=MAX_PACKETS)] = ()
    came: Annotated[tuple[tuple[Stamp, Milliseconds], ...], Meta(max_length=MAX_PACKETS)] = ()
    tried: bool = True


class FarFlowReport(Struct, frozen=True):
    """What the far end counted of one flow.

    `arrivals` has (slot or sequence number, monotonic s) of each packet received; `sent` has the slots sent.
    `requests` and `hellos` count STUN requests and DTLS ClientHellos received; `requested_s` is when the last request
    came (monotonic), `request_gap_s` the longest time between two. `packets` and `lost_packets` are a
    twin's QUIC packets, as in `webtransport_twin`. `unlike` counts packets of a call that differ in size from its
    twins'. `moved`: packets went on from another address. `stamp` is the RTP time stamp of slot 0 down, None if nothing
    was sent.
    """

    flow: int
    arrivals: tuple[tuple[int, float], ...] = ()
    sent: tuple[int, ...] = ()
    requests: int = 0
    requested_s: float | None = None
    request_gap_s: float = 0.0
    hellos: int = 0
    packets: int = 0
    lost_packets: int = 0
    unlike: int = 0
    moved: bool = False
    stamp: int | None = None


class PageEpochReport(Struct, frozen=True):
    """The page's report of one epoch. `phased`: its calls were sent at their phases, as its twins were."""

    number: Count
    flows: Annotated[tuple[PageFlowReport, ...], Meta(max_length=MAX_FLOWS)] = ()
    phased: bool = True
    late_ms_p99: Lateness = 0.0
    hidden: bool = False
    network_changed: bool = False
    clock_jump_s: ClockStep = 0.0
    pings: Count = 0
    pongs: Count = 0


class EpochTimes(Struct, frozen=True):
    """When an epoch began, ended and was known, in seconds of the check. `go_s` is when sending began (monotonic)."""

    started_s: float
    ended_s: float
    known_s: float
    go_s: float = 0.0


SENT_SHARE = 0.98  # if less of a flow was sent, the browser throttled it


def why_excluded(
    schedule: EpochSchedule, near: PageEpochReport, far_reports: Mapping[int, FarFlowReport], has_channels: bool
) -> str:
    """Return the reason code of an epoch that cannot be used for a comparison; "" if it can."""
    if browser_never_tried(schedule, near):
        return "untried"
    if has_channels and not any(report.dtls_ms is not None for report in near.flows):
        return "no_control"
    if not near.phased:
        return "unphased"
    if sizes_differ(far_reports):
        return "unlike"
    return "throttled" if twins_throttled(schedule, near, far_reports) or video_throttled(schedule, near) else ""


def browser_never_tried(schedule: EpochSchedule, near: PageEpochReport) -> bool:
    """Whether the browser never sent the first request of some call. A setting, an add-on or a policy may block calls
    in the browser but not twins; to the far end that looks as if the network had dropped them."""
    calls = {flow_schedule.flow for flow_schedule in schedule.flows if flow_schedule.kind == "call"}
    return any(not report.tried and report.stun_ms is None for report in near.flows if report.flow in calls)


def sizes_differ(far_reports: Mapping[int, FarFlowReport]) -> bool:
    """Whether calls' packets differ in size from twins'. A line may lose packets by size, and a browser may choose
    another cipher or add header extensions. Counted over the calls that have any such packet."""
    return sum(flow.unlike for flow in far_reports.values()) > (1.0 - SENT_SHARE) * sum(
        len(flow.arrivals) for flow in far_reports.values() if flow.unlike
    )


def video_throttled(schedule: EpochSchedule, near: PageEpochReport) -> bool:
    """Whether the browser throttled video calls, or sent more than it was given; over all calls that were set up."""
    calls = {flow_schedule.flow for flow_schedule in schedule.flows if flow_schedule.kind == "call"}
    reports = [report for report in near.flows if report.flow in calls and report.sent and report.polls]
    due = sum(report.sent[-1] - report.sent[0] + 1 for report in reports)
    given = sum(len(report.sent) for report in reports)
    sent = sum(report.polls[-1].sent for report in reports)
    return min(given, sent) < SENT_SHARE * due or sent > (2.0 - SENT_SHARE) * due


def twins_throttled(schedule: EpochSchedule, near: PageEpochReport, far_reports: Mapping[int, FarFlowReport]) -> bool:
    """Whether the browser throttled twins: of what was due, less than SENT_SHARE was sent, over all twins.

    Sent is what arrived and what is missing by packet numbers; the share of datagrams among the missing numbers is
    taken to be that among the ones that arrived (the others only acknowledge). Only the time between each twin's first
    and last arrival counts, since a flow that died was not throttled.
    """
    reports = {report.flow: report for report in near.flows}
    due = sent = 0.0
    for flow_schedule in schedule.flows:
        flow = far_reports[flow_schedule.flow]
        if flow_schedule.kind == "call" or len(flow.arrivals) < 2:
            continue
        slots = [slot for slot, _ in flow.arrivals]
        span = [slot for slot in range(min(slots), max(slots) + 1) if slot not in set(flow_schedule.withheld)]
        wrote = len(set(reports[flow_schedule.flow].sent) & set(span))
        # a data channel has no packet numbers: what the page wrote is all that is known
        lost = flow.lost_packets * min(1.0, len(slots) / flow.packets) if flow.packets else wrote
        due, sent = due + len(span), sent + min(wrote, len(slots) + lost)
    return sent < SENT_SHARE * due


def whole_check(epochs: Sequence[Epoch]) -> tuple[Epoch, ...]:
    """Exclude all epochs of a medium if one of them had to be excluded; leaving out that one alone would be selection.

    Epochs that try paths compare nothing and stay, unless the browser blocks calls itself.
    """
    reasons = {epoch.medium: epoch.missing for epoch in reversed(epochs) if epoch.missing}
    return tuple(
        msgspec.structs.replace(epoch, missing=reason)
        if (reason := reasons.get(epoch.medium, "")) == "untried" or isinstance(epoch.question, COMPARING)
        else epoch
        for epoch in epochs
    )
