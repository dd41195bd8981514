"""Estimates where calls are cut off: after how many packets or bytes, or after how many seconds, each with an interval.

No flow shows the point itself: it lies between the last packet that arrived and the first one that did not, and what
the line may have lost of its own moves the upper end.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median_high

import numpy as np

from talkpath.apps.contract.shape import Direction
from talkpath.measure.facts import Epoch
from talkpath.verdict.flows.censored_tail import Tail, first_excluded, tail_by_twins, tail_s
from talkpath.verdict.flows.outcomes import ROUND_TRIP_SLACK_S, FlowOutcome
from talkpath.verdict.model import Number

APART_PACKETS = 6  # a flow got a new port if so many more packets arrived than one flow in four had sent
SPARE_S, ROOM_PACKETS = 0.05, 1  # ends of two directions, and of flows, are resolved no better
KNOWN_PACKETS = 24  # by then a call is recognised (TSPU manual chapter 8: 30 packets of a session are inspected)


def cut_off_count(spans: list[tuple[int, int]], tails: Sequence[Tail] = (), packet: float = 1.0) -> Number:
    """Estimate the count after which flows with these (least, most) went silent: at least what passed of any of them,
    and at most what three in four had sent, or what the line may have lost of their `tails` allows. If flows contradict
    one another, some had got a new port and their count started again: the true count is between them. `packet` is what
    one packet adds to the count: 1, or its bytes."""
    if not spans:
        return Number(None, None, None)
    low, high = max(least for least, _ in spans), three_in_four_live([most for _, most in spans])
    high = max(high, round(first_excluded(high, tails) or high + 1.0) - 1)
    if low > sorted(most for _, most in spans)[len(spans) // 4] + APART_PACKETS * packet:
        low, high = min(least for least, _ in spans), max(low, high)
    if high <= KNOWN_PACKETS * packet:  # where a call is recognised only after the count, more of it passes
        low = min(low, *(most for _, most in spans))
    room = ROOM_PACKETS * packet
    return _number(max(0.0, low - room), max(low, high) + room)


def three_in_four_live(counts: Sequence[int]) -> int:
    """Return the count that three in four do not exceed."""
    return sorted(counts)[3 * len(counts) // 4]


def cut_off_seconds(flows: list[tuple[Epoch, FlowOutcome]], hit: tuple[Direction, ...]) -> Number:
    """Estimate the time from a flow's first packet to its cut-off: between its last arrival and the next packet that
    was sent and that the line would not have lost."""
    direction: Direction = "up" if "up" in hit else "down"
    ends = [outcome.of(direction) for _, outcome in flows]
    last, later = [end.last_s for end in ends if end.last_s], [end.next_s for end in ends if end.next_s]
    if not last or not later:
        return Number(None, None, None)
    spare = SPARE_S if direction == "up" else ROUND_TRIP_SLACK_S
    tails = [
        Tail(tail_s(outcome.of(direction)), tail_by_twins(epoch, outcome)[direction == "down"])
        for epoch, outcome in flows
    ]
    usual = median_high(later)
    low, high = max(last), max(usual, first_excluded(float(np.nextafter(usual, 0.0)), tails) or 0.0) + spare
    if low > high:
        low, high = min(last), low + spare
    return _number(max(0.0, low - SPARE_S), max(high, low + spare))


def _number(low: float, high: float) -> Number:
    return Number((low + high) / 2, low, high)
