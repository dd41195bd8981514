"""Chooses the next epoch of a check in a browser, from its facts so far. Pure.

Each medium gets some epochs of its own, then a few calls are watched for longer, since a rule may cut calls off late.
Where the watched calls were cut off and their twins were not, whole epochs follow that last beyond that moment; where
nothing was, further epochs of the usual length, as long as they may still change the verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np

from talkpath.browser.answer.vpn_condition import assuming_no_vpn
from talkpath.browser.far_end.counts_to_facts.epoch_facts import SETUP
from talkpath.browser.far_end.schedule import (
    CALLS,
    FOLLOW_UPS,
    MAX_EPOCHS,
    WATCH_CALLS,
    WATCH_SLOTS,
    WATCH_TEXTS,
    EpochRequest,
)
from talkpath.measure.bitmap import unpack
from talkpath.measure.facts import Epoch, Facts, Observation
from talkpath.verdict.judge import judge
from talkpath.verdict.model import Verdict

FIRST_EPOCHS = {"voice": 2, "video": 1}
SETTLED = ("restricted", "closed")
VOID = ("late", "clock", "network_changed", "hidden", "responder_lost")
LAST_EPOCH_S = 140.0  # no epoch begins later: the page gives up after 200 s (check_run.js)
SILENT_SLOTS = 100  # a flow of which nothing came for 2 s up to its end was cut off
BEYOND_SLOTS = 200  # so much longer than until the cut-off do the calls of further epochs last


def next_epoch(facts: Facts) -> EpochRequest | None:
    """The next epoch; None where none could change a verdict, or no time is left."""
    if facts.duration_s > LAST_EPOCH_S:
        return None
    verdicts = judge(assuming_no_vpn(facts))
    if any(verdict.reason is not None and verdict.reason.code in VOID for verdict in verdicts):
        return None
    wanted = (
        _wanted(verdict, [each for each in facts.epochs if each.medium == verdict.medium]) for verdict in verdicts
    )
    return next((request for request in wanted if request is not None), None)


def _wanted(verdict: Verdict, epochs: Sequence[Epoch]) -> EpochRequest | None:
    """The next epoch of that verdict's medium."""
    if verdict.state in SETTLED or any(epoch.missing for epoch in epochs):
        return None
    assert verdict.medium != "text"  # a browser sends none
    watched = [epoch for epoch in epochs if epoch.question == "watch"]
    usual = sum(epoch.question == "battery" for epoch in epochs)
    if usual < FIRST_EPOCHS[verdict.medium]:
        return EpochRequest(medium=verdict.medium)
    if not watched and verdict.state != "impaired":
        return _watch(verdict.medium)
    cut_off = min(filter(None, map(cut_off_slot, watched)), default=None)
    if cut_off is not None and len(watched) <= FOLLOW_UPS:
        return _follow_up(verdict.medium, cut_off)
    return EpochRequest(medium=verdict.medium) if verdict.state != "ok" and usual < MAX_EPOCHS else None


def _watch(medium: str) -> EpochRequest:
    return EpochRequest(
        medium=medium,  # type: ignore[arg-type]
        question="watch",
        calls=WATCH_CALLS[medium],
        texts=WATCH_TEXTS[medium],
        slots=WATCH_SLOTS,
    )


def _follow_up(medium: str, cut_off: int) -> EpochRequest:
    """A whole epoch that lasts beyond the slot at which watched calls were cut off."""
    slots = min(WATCH_SLOTS, 50 * ceil((cut_off + BEYOND_SLOTS) / 50))
    return EpochRequest(medium=medium, question="watch", calls=CALLS, texts=0, slots=slots)  # type: ignore[arg-type]


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
    sent, arrived = (np.flatnonzero(unpack(bits, size)[SETUP:]) for bits in (flow.sent, flow.arrived))
    if not len(sent) or not len(arrived) or sent[-1] - arrived[-1] < SILENT_SLOTS:
        return None
    return int(arrived[-1]) + 1
