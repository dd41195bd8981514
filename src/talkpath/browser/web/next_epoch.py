"""Chooses the next step of a check in a browser, from its facts so far. Pure.

Each medium gets some epochs of its own. Beside them, from the first one on, one call and its twin live on, since a rule
may cut calls off late, or begin late; they are ended, and judged, when nothing else is left. While the first medium's
call lives the other ways through are tried. Where a call that lived on was cut off and its twin was not, whole epochs
follow that last beyond that moment; where nothing was, further epochs of the usual length, as long as they may still
change the verdict.

The call that lives on is ended by what the other epochs showed, and never by what became of itself: so its own roles
are as good as drawn afterwards, and its epoch may accuse like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from typing import Literal

import numpy as np
from msgspec import Struct

from talkpath.browser.answer.result_message import assuming_no_vpn
from talkpath.browser.far_end.counts_to_facts.epoch_facts import SETUP_TRACK_SLOTS
from talkpath.browser.far_end.schedule import CALLS, FOLLOW_UP_SLOTS, FOLLOW_UPS, WATCH_SLOTS, EpochRequest
from talkpath.measure.bitmap import unpack_bitmap
from talkpath.measure.facts import Epoch, Facts, Observation
from talkpath.verdict.judge import judge_facts
from talkpath.verdict.model import HELD_BACK_STATES, Verdict
from talkpath.wire.control.question import BASELINE, TransportPaths, WatchedCalls

FIRST_EPOCHS, MOST_EPOCHS = {"voice": 3, "video": 1}, {"voice": 5, "video": 3}
MAX_POOR_EPOCHS = 3  # no more of a line that is too poor
VOID_REASONS = ("late", "clock", "network_changed", "hidden", "responder_lost")
LAST_EPOCH_S = 140.0  # no epoch begins later: the page gives up after 200 s (check_run.js)
SILENT_SLOTS = 100  # a flow of which nothing came for 2 s up to its end was cut off
BEYOND_SLOTS = 200  # so much longer than until the cut-off do the calls of further epochs last


class TryPaths(Struct, frozen=True):
    """Try the other ways through."""


class FinishWatch(Struct, frozen=True):
    """End the call and its twin that live on, once so many packets of each were due."""

    least: int


Step = EpochRequest | TryPaths | FinishWatch


def next_step(facts: Facts) -> Step | None:
    """The next step; None where none could change a verdict, or no time is left."""
    verdicts = judge_facts(assuming_no_vpn(facts))
    is_over = facts.duration_s > LAST_EPOCH_S or any(
        verdict.reason is not None and verdict.reason.code in VOID_REASONS for verdict in verdicts
    )
    for verdict in () if is_over else verdicts:
        if step := next(_open_steps(verdict, facts), None):
            return step
    return None if _paths_epoch(facts) else TryPaths()


def _open_steps(verdict: Verdict, facts: Facts) -> Iterator[Step]:
    """The steps that are still to be done for that verdict's medium."""
    medium, epochs = verdict.medium, [each for each in facts.epochs if each.medium == verdict.medium]
    assert medium != "text"  # a browser sends none
    usual = sum(epoch.question == BASELINE for epoch in epochs)
    watched = [epoch for epoch in epochs if isinstance(epoch.question, WatchedCalls)]
    done = verdict.state in HELD_BACK_STATES or any(epoch.missing for epoch in epochs)
    if usual < FIRST_EPOCHS[medium] and not done:
        yield EpochRequest(medium=medium)
    if not _paths_epoch(facts):
        yield TryPaths()
    if usual and not watched:
        yield FinishWatch(0 if done or verdict.state == "impaired" else WATCH_SLOTS)
    if not done:
        yield from _further_steps(verdict, medium, usual, watched)
        if _direct_call_failed_since(facts, epochs):
            yield EpochRequest(medium=medium)


def _further_steps(
    verdict: Verdict, medium: Literal["voice", "video"], usual: int, watched: Sequence[Epoch]
) -> Iterator[EpochRequest]:
    """What may still change an open verdict."""
    cut_off = min(filter(None, map(cut_off_slot, watched)), default=None)
    if cut_off is not None and cut_off + SILENT_SLOTS <= FOLLOW_UP_SLOTS:
        if len(watched) <= FOLLOW_UPS:
            yield _follow_up(medium, cut_off)
    elif verdict.state != "ok" and usual < (MAX_POOR_EPOCHS if verdict.state == "impaired" else MOST_EPOCHS[medium]):
        yield EpochRequest(medium=medium)


def _follow_up(medium: Literal["voice", "video"], cut_off: int) -> EpochRequest:
    """A whole epoch that lasts beyond the slot at which watched calls were cut off."""
    return EpochRequest(
        medium=medium,
        question=WatchedCalls(),
        calls=CALLS,
        texts=0,
        slots=min(FOLLOW_UP_SLOTS, 50 * ceil((cut_off + BEYOND_SLOTS) / 50)),
    )


def _paths_epoch(facts: Facts) -> Epoch | None:
    """The epoch in which the other ways through were tried."""
    return next((epoch for epoch in facts.epochs if isinstance(epoch.question, TransportPaths)), None)


def _direct_call_failed_since(facts: Facts, epochs: Sequence[Epoch]) -> bool:
    """Whether the call that took no other way was never set up, and no usual epoch began since: calls may be kept from
    beginning by now."""
    paths = _paths_epoch(facts)
    if paths is None or paths.flows[0].setup_ms is not None:
        return False
    return not any(epoch.question == BASELINE and epoch.started_s > paths.started_s for epoch in epochs)


def cut_off_slot(epoch: Epoch) -> int | None:
    """The first slot after which nothing more came of some call, in either direction, while no random twin was cut off;
    None where no call was."""
    calls = [_cut_off(flow, epoch) for flow in epoch.flows if flow.role == "call"]
    twins = [_cut_off(flow, epoch) for flow in epoch.flows if flow.twin_kind == "random"]
    if any(each is not None for each in twins):
        return None
    return min((each for each in calls if each is not None), default=None)


def _cut_off(flow: Observation, epoch: Epoch) -> int | None:
    size = len(epoch.track(flow.direction).stage)
    sent, arrived = (
        np.flatnonzero(unpack_bitmap(bits, size)[SETUP_TRACK_SLOTS:]) for bits in (flow.sent, flow.arrived)
    )
    if not len(sent) or not len(arrived) or sent[-1] - arrived[-1] < SILENT_SLOTS:
        return None
    return int(arrived[-1]) + 1
