"""Finds calls that are no evidence of how a rule treats the packets of calls, since something ended them as a whole.

*Residual blocking.* After a call to a port was cut off, a restrictor may block calls of the same client to that port
for a while: they end when they are recognised, or before. They show it by the order of events alone: of an arm's calls,
those to ports where an earlier call (of any arm) had been cut off end before any media arrive, and others of the same
time do not: what ends all calls from a moment on has another reason.

*No port left.* Calls of which nothing arrived, not even set-up, while others of the arm were established: an address
translator may have no port left for a flow. Whether more calls than twins fare like that is for rules that block whole
calls to explain.

Contract: facts only; `epochs` are all those of the check, the calls that live through it included.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from math import inf, log
from typing import NamedTuple

import numpy as np

from talkpath.apps.contract.shape import Arm, Direction
from talkpath.grouping import grouped_by_key
from talkpath.measure.facts import Epoch
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.flows.outcomes import (
    MIN_SET_UP_CUT,
    DirectionOutcome,
    FlowOutcome,
    calls_of,
    cut_directions,
    media_begins_s,
)
from talkpath.verdict.statistics.cohort import DIRECTIONS

MAX_RUN_CHANCE = 0.02  # of so many packets lost in a row, by chance
ESTABLISHED = 0.1  # of the calls: then those that never were need an explanation of their own
LINKED_NATS = 3.0  # by which earlier cut-offs must explain better than chance which calls ended
MAX_ROUNDING_NATS = 1e-6

CallOf = tuple[int, int]  # (epoch, flow)


class BehindCutOffs(NamedTuple):
    """The `calls` of one arm to ports where an earlier call had been cut off, and those of them that `ended` before any
    media arrived; and the calls that were `cut_off` there before."""

    calls: frozenset[CallOf]
    ended: dict[CallOf, FlowOutcome]
    cut_off: tuple[FlowOutcome, ...]

    def within(self, numbers: Container[int]) -> BehindCutOffs:
        """Return those in epochs of these numbers."""
        calls = frozenset(call for call in self.calls if call[0] in numbers)
        return self._replace(
            calls=calls, ended={call: direction for call, direction in self.ended.items() if call in calls}
        )

    @property
    def directions(self) -> list[Direction]:
        """Return the directions in which most of those that ended were cut off, or most of the calls before: either
        may be silent where the far end had nothing to answer."""
        cut = [
            direction
            for direction in DIRECTIONS
            if 2 * sum(_was_cut_off(call.of(direction)) for call in self.cut_off) > len(self.cut_off)
        ]
        return [direction for direction in DIRECTIONS if direction in (*cut, *cut_directions(self.ended.values()))]


@remember_result
def left_out_calls(epochs: tuple[Epoch, ...]) -> frozenset[CallOf]:
    """Return all calls that are no evidence."""
    arms = _partly_established(epochs)
    dead = {(epoch.number, call.flow) for epoch in epochs if epoch.arm in arms for call in calls_of(epoch) if call.dead}
    return frozenset(dead) | ended_behind_cut_offs(epochs)


def ended_behind_cut_offs(epochs: tuple[Epoch, ...]) -> frozenset[CallOf]:
    """Return the calls that residual blocking ended."""
    return frozenset(call for found in behind_cut_offs(epochs).values() for call in found.ended)


@remember_result
def behind_cut_offs(epochs: tuple[Epoch, ...]) -> dict[Arm, BehindCutOffs]:
    """Return what became of calls behind cut-offs, for each arm whose calls residual blocking ended: those behind
    cut-offs, and not others. Where no more than half of the others ended, the calls of one arm show it for all."""
    cut_off = _cut_off(epochs)
    by_epoch = grouped_by_key((epoch.arm, _by_port(epoch, cut_off)) for epoch in sorted(epochs, key=media_begins_s))
    linked = {arm for arm, own in by_epoch.items() if _linked_ends(own)}
    likely = {arm for arm, own in by_epoch.items() if arm in linked or (linked and _others_run(own))}
    found = {arm: _behind_earlier(own, cut_off) for arm, own in by_epoch.items() if arm in likely}
    return {arm: behind for arm, behind in found.items() if behind.ended}


class CutOff(NamedTuple):
    """When calls to a port were first cut off, in seconds of the check, and all calls there that were."""

    at_s: float
    calls: tuple[FlowOutcome, ...]


def _cut_off(epochs: Iterable[Epoch]) -> dict[int, CutOff]:
    """Return the cut-offs by port."""
    found: dict[int, CutOff] = {}
    for epoch in epochs:
        for call in calls_of(epoch):
            ends_s = [
                direction.next_s
                for direction in (call.up, call.down)
                if _was_cut_off(direction) and direction.next_s is not None
            ]
            if ends_s:
                before = found.get(call.port, CutOff(inf, ()))
                found[call.port] = CutOff(min(before.at_s, epoch.started_s + min(ends_s)), (*before.calls, call))
    return found


def _was_cut_off(direction: DirectionOutcome) -> bool:
    """Whether media arrived, and then nothing (of what may have been few packets), which the losses before do not
    explain."""
    before = direction.sent - direction.tail
    lost = (before - direction.arrived + 1) / (before + 2)
    return direction.media > 0 and direction.tail >= MIN_SET_UP_CUT and lost**direction.tail <= MAX_RUN_CHANCE


class CallsByPort(NamedTuple):
    """The calls of one epoch: those `behind` cut-offs, and those `beside` them, to other ports."""

    behind: dict[CallOf, FlowOutcome]
    beside: dict[CallOf, FlowOutcome]


def _by_port(epoch: Epoch, cut_off: dict[int, CutOff]) -> CallsByPort:
    begins_s, found = media_begins_s(epoch), CallsByPort({}, {})
    for call in calls_of(epoch):
        after = call.port in cut_off and cut_off[call.port].at_s <= begins_s
        (found.behind if after else found.beside)[epoch.number, call.flow] = call
    return found


def _behind_earlier(by_epoch: Sequence[CallsByPort], cut_off: dict[int, CutOff]) -> BehindCutOffs:
    behind = {of: call for each in by_epoch for of, call in each.behind.items()}
    ended = {of: call for of, call in behind.items() if _ended_early(call)}
    ports = sorted({call.port for call in ended.values()})
    return BehindCutOffs(frozenset(behind), ended, tuple(call for port in ports for call in cut_off[port].calls))


def _others_run(by_epoch: Sequence[CallsByPort]) -> bool:
    """Whether no more than half of the calls ended early that began together with calls behind cut-offs."""
    ended = [_ended_early(call) for each in by_epoch if each.behind for call in each.beside.values()]
    return 2 * sum(ended) <= len(ended)


def _linked_ends(by_epoch: Sequence[CallsByPort]) -> bool:
    """Whether cut-offs explain which calls of an arm ended early, in the order of `by_epoch`: better than chance, and
    better than a moment from which on calls end."""
    counts = np.array([(_ended_of(each.behind), _ended_of(each.beside)) for each in by_epoch])
    (behind, beside), each = counts.sum(axis=0), counts.sum(axis=1)
    linked, chance = log_likelihood(*behind) + log_likelihood(*beside), log_likelihood(*(behind + beside))
    onsets = (log_likelihood(*each[:n].sum(axis=0)) + log_likelihood(*each[n:].sum(axis=0)) for n in range(len(each)))
    more = behind[0] * beside[1] > beside[0] * behind[1]
    return bool(more and linked >= chance + LINKED_NATS and linked > max(onsets) + MAX_ROUNDING_NATS)


def _ended_of(calls: dict[CallOf, FlowOutcome]) -> tuple[int, int]:
    """Return how many of the calls ended early, and how many there are."""
    return sum(map(_ended_early, calls.values())), len(calls)


def log_likelihood(ended: int, calls: int) -> float:
    """Return the log-likelihood of so many among these calls, at their own share."""
    return sum(count * log(count / calls) for count in (ended, calls - ended) if count)


def _ended_early(call: FlowOutcome) -> bool:
    """Whether the call ended, in one direction or both, before any media arrived, and in none after some had."""
    ended = [direction.media for direction in (call.up, call.down) if direction.silent]
    return call.dead or (0 in ended and not any(ended))


def _partly_established(epochs: Iterable[Epoch]) -> set[Arm]:
    """Return the arms of whose calls at least one in ten was established."""
    counts = grouped_by_key((epoch.arm, not call.dead) for epoch in epochs for call in calls_of(epoch))
    return {arm for arm, established in counts.items() if sum(established) >= ESTABLISHED * len(established) > 0}
