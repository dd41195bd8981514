"""Finds epochs that cannot be used for a comparison, because the browser treats calls and twins differently.

What is excluded is decided for all epochs of a medium together (`whole_check`), so that nothing is selected by its
outcome.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from talkpath.browser.far_end.counts_to_facts.epoch_report import FarFlowReport, PageEpochReport
from talkpath.browser.far_end.schedule import EpochSchedule
from talkpath.measure.facts import Epoch
from talkpath.wire.control.question import COMPARING

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
    arrived = sum(len(flow.arrivals) for flow in far_reports.values() if flow.unlike)
    return sum(flow.unlike for flow in far_reports.values()) > (1.0 - SENT_SHARE) * arrived


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
