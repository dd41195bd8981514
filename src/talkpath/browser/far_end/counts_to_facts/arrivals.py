"""Finds which packets arrived, and their delays, from both ends' counts. Pure.

Up, the far end recorded every packet; down, the page has counts each 250 ms.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from random import Random

import numpy as np

from talkpath.browser.far_end.counts_to_facts.epoch_report import EpochTimes, FarFlowReport, PageFlowReport
from talkpath.browser.far_end.schedule import EpochSchedule
from talkpath.browser.webrtc.call_media import STAMPS_A_TICK, TICK_MS
from talkpath.measure.facts import DELAY_QUANTILES, MEDIAN_QUANTILE

Media = tuple[set[int], set[int]]
"""The slots sent, and those of them that arrived."""

SEQUENCES, STAMPS = 1 << 16, 1 << 32
MIN_DELAYS = 25  # fewer give no quantiles
MAX_DMS = 130_000.0  # of a delay, in 0.1 ms: facts hold no longer one (measure.bounds)
BROWSER_MS = 25.0
"""By how much a call's packets may be earlier or later than a twin's because of the browser itself (another thread, its
own pacing, frames put together); in Chromium 156 it was 9 ms at most. Such a difference is ignored."""
WHOLE_MS = 2 * BROWSER_MS
"""A difference above this is reported in full."""
RENEWS_S, MISSED = 1.0, 2.2
"""Requests further apart than this renew consent; media for so many times their longest interval without one of them
mean that consent was not renewed."""


# -- up ---------------------------------------------------------------------------------------------------------


def up_twin(report: PageFlowReport, far: FarFlowReport, slots: int) -> Media:
    """Up, for a twin: its packets carry their slots."""
    sent = {slot for slot in report.sent if slot < slots}
    return sent, sent & {slot for slot, _ in far.arrivals}


def up_call(report: PageFlowReport, far: FarFlowReport, offset_s: float, slots: int) -> Media:
    """Up, for a call: the page knows how many packets it sent, the far end which sequence numbers arrived and when."""
    due = slots_of_call(report)
    sent = {slot for slot in due if slot < slots}
    came = sent & {due[index] for index, _ in call_arrivals(report, far, offset_s, due) if 0 <= index < len(due)}
    if came and consent_expired(far):
        sent = {slot for slot in sent if slot <= max(came)}
    return sent, came


def consent_expired(far: FarFlowReport) -> bool:
    """Whether the browser stopped sending because its requests were not answered any more (RFC 7675), though its own
    count of packets went on: media still came long after the last request. What drops media drops them first."""
    if far.requested_s is None or far.request_gap_s < RENEWS_S or not far.arrivals:
        return False
    return max(at_s for _, at_s in far.arrivals) - far.requested_s > MISSED * far.request_gap_s


def slots_of_call(report: PageFlowReport) -> Sequence[int]:
    """The slot of each packet that a call sent, in order. Voice has its own clock and sends one packet a tick."""
    if report.sent:
        return report.sent
    first = max(0, round(report.began_ms / TICK_MS))
    return range(first, first + (report.polls[-1].sent if report.polls else 0))


def call_arrivals(
    report: PageFlowReport, far: FarFlowReport, offset_s: float, due: Sequence[int]
) -> list[tuple[int, float]]:
    """(index of the packet in the call, monotonic s) of each packet that arrived."""
    if not far.arrivals or not due:
        return []
    numbers = _unwrapped_numbers([number for number, _ in far.arrivals])
    least, most = min(numbers), max(numbers)
    spare = max(0, len(due) - (most - least + 1))  # lost before the first arrival or after the last
    soonest_s = min(
        at_s - TICK_MS / 1000 * (number - least) for number, (_, at_s) in zip(numbers, far.arrivals, strict=True)
    )
    guess = bisect_left(due, round(1000 * (soonest_s - offset_s) / TICK_MS))
    before = min(spare, guess)
    return [(before + number - least, at_s) for number, (_, at_s) in zip(numbers, far.arrivals, strict=True)]


def _unwrapped_numbers(numbers: Sequence[int]) -> list[int]:
    """Sequence numbers of 16 bits without wrap-around (RFC 3550 appendix A.1)."""
    unwrapped, last = [], numbers[0]
    for number in numbers:
        last += (number - last + SEQUENCES // 2) % SEQUENCES - SEQUENCES // 2
        unwrapped.append(last)
    return unwrapped


def clock_offset(schedule: EpochSchedule, far_reports: Mapping[int, FarFlowReport], times: EpochTimes) -> float:
    """When slot 0 of the page would arrive at the earliest (far end's clock), by the fastest packet of any twin."""
    twins = [far_reports[flow.flow] for flow in schedule.flows if flow.kind != "call"]
    return min((at_s - TICK_MS / 1000 * slot for twin in twins for slot, at_s in twin.arrivals), default=times.go_s)


# -- down -------------------------------------------------------------------------------------------------------


def schedule_lead(
    schedule: EpochSchedule, reports: Mapping[int, PageFlowReport], far_reports: Mapping[int, FarFlowReport]
) -> float:
    """By how many ms the page's earliest packet, over all flows, was ahead of the schedule: the shortest travel time
    less the difference of the clocks. It does not depend on which flows are calls."""
    ahead = []
    for flow in schedule.flows:
        report, sent = reports.get(flow.flow), far_reports[flow.flow].sent
        if report is None or not sent:
            continue
        ahead += [
            poll.at_ms - TICK_MS * sent[min(poll.received, len(sent)) - 1] for poll in report.polls if poll.received
        ]
    return min(ahead, default=0.0)


def down_media(report: PageFlowReport, far: FarFlowReport, ahead_ms: float, rng: Random) -> Media:
    """Down: the slots sent, and those that arrived."""
    sent = list(far.sent)
    counts = [(poll.at_ms - ahead_ms, poll.received) for poll in report.polls]
    return set(sent), place_losses(sent, counts, rng)


def place_losses(sent: Sequence[int], counts: Sequence[tuple[float, int]], rng: Random) -> set[int]:
    """Which slots arrived, from `counts` of (ms, packets received by then). The losses of each interval are assigned to
    random slots of that interval. `sent` has the slots in order; in `counts` a slot's packet is due at its own time."""
    if not counts:
        return set()
    due = [bisect_right(sent, at_ms / TICK_MS) for at_ms, _ in counts]
    due[-1] = len(sent)
    missing = [max(0, total - count) for total, (_, count) in zip(due, counts, strict=True)]
    for index in range(len(missing) - 2, -1, -1):  # a packet that arrived late was not lost
        missing[index] = min(missing[index], missing[index + 1])
    arrived, begin, placed = set(sent), 0, 0
    for end, lost in zip(due, missing, strict=True):
        interval = sent[begin:end]
        here = min(len(interval), lost - placed)
        arrived -= set(rng.sample(list(interval), here))
        placed += here
        begin = end
    return arrived


# -- delay ------------------------------------------------------------------------------------------------------


def delays_up(report: PageFlowReport, far: FarFlowReport, offset_s: float, *, is_call: bool) -> tuple[int, ...]:
    """Up: quantiles of the delay, in 0.1 ms, from a zero common to all flows; () if times are not known."""
    if is_call:
        came = call_arrivals(report, far, offset_s, slots_of_call(report))
        left = dict(enumerate(report.left_ms))
    else:
        came, left = list(far.arrivals), dict(zip(report.sent, report.left_ms, strict=False))
    return _delay_quantiles(1000 * (at_s - offset_s) - left[index] for index, at_s in came if index in left)


def delays_down(
    report: PageFlowReport, far: FarFlowReport, phase_ms: float, medium: str, *, is_call: bool
) -> tuple[int, ...]:
    """Down: the same. Packets left at this end's ticks."""
    came: Iterable[tuple[int, float]] = report.came
    if is_call:
        if far.stamp is None:
            return ()
        ticks, zero = STAMPS_A_TICK[medium], far.stamp
        came = [((stamp - zero) % STAMPS // ticks, at_ms) for stamp, at_ms in came]
    sent = set(far.sent)
    return _delay_quantiles(at_ms - TICK_MS * slot - phase_ms for slot, at_ms in came if slot in sent)


def without_browser_delay(delays_dms: Sequence[int], usual_dms: float) -> tuple[int, ...]:
    """A call's quantiles, moved towards the twins' usual median by BROWSER_MS at most; unchanged beyond WHOLE_MS."""
    over = delays_dms[MEDIAN_QUANTILE] - usual_dms
    browser = 10.0 * BROWSER_MS if abs(over) < 10.0 * WHOLE_MS else 0.0
    moved = round(max(-browser, min(browser, over)))
    return tuple(delay - moved for delay in delays_dms)


def _delay_quantiles(delays_ms: Iterable[float]) -> tuple[int, ...]:
    delays = np.array(list(delays_ms), np.float64)
    if len(delays) < MIN_DELAYS:
        return ()
    steps = np.clip(10.0 * np.quantile(delays, DELAY_QUANTILES), -MAX_DMS, MAX_DMS)
    return tuple(round(float(value)) for value in steps)
