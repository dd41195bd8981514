"""Which packets arrived, and how late: up, the far end saw each; down, the page counted. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from random import Random

import numpy as np

from talkpath.browser.far_end.voice import TICK_MS
from talkpath.browser.reports import FarFlow, FlowReport, Times
from talkpath.browser.schedule import EpochOrder
from talkpath.measure.facts import DELAY_QUANTILES

Media = tuple[set[int], set[int]]
"""The slots sent, and those of them that arrived."""

SEQUENCES, STAMPS = 1 << 16, 1 << 32
STAMPS_A_TICK = {"voice": 960, "video": 1800}  # RTP clocks of 48 and 90 kHz (RFC 7587, RFC 7741)
MEDIAN = DELAY_QUANTILES.index(0.5)
FEWEST = 25  # packets whose delays are quantiles
OWN_MS = 25.0
"""How much sooner or later a call's packet may come than a twin's for what the browser does to it (a thread more, its
own pacing, frames put together); in Chromium 156 it was 9 ms at most. So much is no difference, either way."""
WHOLE_MS = 2 * OWN_MS
"""A difference beyond this is told whole."""


# -- up ---------------------------------------------------------------------------------------------------------


def up_twin(report: FlowReport, heard: FarFlow, slots: int) -> Media:
    """A twin's packets carry their slots."""
    sent = {slot for slot in report.sent if slot < slots}
    return sent, sent & {slot for slot, _ in heard.arrivals}


def up_call(report: FlowReport, heard: FarFlow, offset_s: float, slots: int) -> Media:
    """Of a call the page knows how many packets it sent, the far end which sequence numbers came and when."""
    due = slots_of_call(report)
    sent = {slot for slot in due if slot < slots}
    return sent, sent & {due[index] for index, _ in placed(report, heard, offset_s, due) if 0 <= index < len(due)}


def slots_of_call(report: FlowReport) -> Sequence[int]:
    """The slot of each packet that a call sent, in order. Voice has a clock of its own, and sends one a tick."""
    if report.sent:
        return report.sent
    first = max(0, round(report.began_ms / TICK_MS))
    return range(first, first + (report.polls[-1].sent if report.polls else 0))


def placed(report: FlowReport, heard: FarFlow, offset_s: float, due: Sequence[int]) -> list[tuple[int, float]]:
    """(which packet of the call it was, monotonic s) of each that came."""
    if not heard.arrivals or not due:
        return []
    numbers = _unwrapped([number for number, _ in heard.arrivals])
    least, most = min(numbers), max(numbers)
    spare = max(0, len(due) - (most - least + 1))  # lost before the first that came, or after the last
    soonest_s = min(
        at_s - TICK_MS / 1000 * (number - least) for number, (_, at_s) in zip(numbers, heard.arrivals, strict=True)
    )
    guess = bisect_left(due, round(1000 * (soonest_s - offset_s) / TICK_MS))
    before = min(spare, guess)
    return [(before + number - least, at_s) for number, (_, at_s) in zip(numbers, heard.arrivals, strict=True)]


def _unwrapped(numbers: Sequence[int]) -> list[int]:
    """Sequence numbers of 16 bits without their wrap (RFC 3550 appendix A.1)."""
    found, last = [], numbers[0]
    for number in numbers:
        last += (number - last + SEQUENCES // 2) % SEQUENCES - SEQUENCES // 2
        found.append(last)
    return found


def offset(order: EpochOrder, seen: Mapping[int, FarFlow], times: Times) -> float:
    """When slot 0 of the page would arrive soonest, on the far end's clock: as the quickest twin's packets say."""
    twins = [seen[opening.flow] for opening in order.flows if opening.kind != "call"]
    return min((at_s - TICK_MS / 1000 * slot for twin in twins for slot, at_s in twin.arrivals), default=times.go_s)


# -- down -------------------------------------------------------------------------------------------------------


def soonest(order: EpochOrder, reports: Mapping[int, FlowReport], seen: Mapping[int, FarFlow]) -> float:
    """How much ahead of its own schedule the page was ever served, at most, over all flows: ms that a packet takes
    at least, less the clocks' difference. Blind to what a flow is."""
    ahead = []
    for opening in order.flows:
        report, said = reports.get(opening.flow), seen[opening.flow].said
        if report is None or not said:
            continue
        ahead += [
            poll.at_ms - TICK_MS * said[min(poll.received, len(said)) - 1] for poll in report.polls if poll.received
        ]
    return min(ahead, default=0.0)


def down(report: FlowReport, heard: FarFlow, ahead_ms: float, dice: Random) -> Media:
    """What we said, and where what the page did not hear of it was lost."""
    said = list(heard.said)
    counts = [(poll.at_ms - ahead_ms, poll.received) for poll in report.polls]
    return set(said), spread(said, counts, dice)


def spread(said: Sequence[int], counts: Sequence[tuple[float, int]], dice: Random) -> set[int]:
    """Which slots arrived, from (ms, packets received by then): the losses of each interval are put on slots of that
    interval that the dice choose. `said` are the slots sent, in order; ms are such that a slot's packet is due at its
    own time."""
    if not counts:
        return set()
    due = [bisect_right(said, at_ms / TICK_MS) for at_ms, _ in counts]
    due[-1] = len(said)
    missing = [max(0, one - count) for one, (_, count) in zip(due, counts, strict=True)]
    for index in range(len(missing) - 2, -1, -1):  # what came late after all was not lost
        missing[index] = min(missing[index], missing[index + 1])
    arrived, done, gone = set(said), 0, 0
    for by, lost in zip(due, missing, strict=True):
        among = said[done:by]
        arrived -= set(dice.sample(list(among), min(len(among), lost - gone)))
        gone += min(len(among), lost - gone)
        done = by
    return arrived


# -- delay ------------------------------------------------------------------------------------------------------


def delays_up(report: FlowReport, heard: FarFlow, offset_s: float, *, is_call: bool) -> tuple[int, ...]:
    """Quantiles of arrival less leaving, in 0.1 ms of a zero common to all flows; () where either is not known."""
    if is_call:
        came = placed(report, heard, offset_s, slots_of_call(report))
        left = dict(enumerate(report.left_ms))
    else:
        came, left = list(heard.arrivals), dict(zip(report.sent, report.left_ms, strict=False))
    return _quantiles(1000 * (at_s - offset_s) - left[index] for index, at_s in came if index in left)


def delays_down(report: FlowReport, heard: FarFlow, phase_ms: float, medium: str, *, is_call: bool) -> tuple[int, ...]:
    """The same down: our ticks are when it left."""
    came: Iterable[tuple[int, float]] = report.came
    if is_call:
        if heard.stamp is None:
            return ()
        ticks, zero = STAMPS_A_TICK[medium], heard.stamp
        came = [((stamp - zero) % STAMPS // ticks, at_ms) for stamp, at_ms in came]
    said = set(heard.said)
    return _quantiles(at_ms - TICK_MS * slot - phase_ms for slot, at_ms in came if slot in said)


def less_own(delays_dms: Sequence[int], usual_dms: float) -> tuple[int, ...]:
    """A call's quantiles, moved towards the twins' middle median (`usual_dms`) by OWN_MS at most; or not at all."""
    over = delays_dms[MEDIAN] - usual_dms
    own = 10.0 * OWN_MS if abs(over) < 10.0 * WHOLE_MS else 0.0
    moved = round(max(-own, min(own, over)))
    return tuple(delay - moved for delay in delays_dms)


def _quantiles(delays_ms: Iterable[float]) -> tuple[int, ...]:
    found = np.array(list(delays_ms), np.float64)
    if len(found) < FEWEST:
        return ()
    return tuple(round(10.0 * float(value)) for value in np.quantile(found, DELAY_QUANTILES))
