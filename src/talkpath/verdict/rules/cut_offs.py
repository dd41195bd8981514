"""Finds calls that are cut off one by one, and start again when an address translator gives them a new port.

Contract: facts only; gains as in `verdict.flows.arm_view`. A middlebox takes packets of a cut-off flow that come from
another port for a new flow: they pass until the call is recognised and cut off again, perhaps after a few packets.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import inf, log
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from talkpath.apps.contract.shape import Direction
from talkpath.measure.arrays import Bits, Floats
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.direction_losses import DirectionLosses
from talkpath.verdict.rules.rule import SURE_LOSS
from talkpath.verdict.statistics.cohort import DIRECTIONS

LOST_BEFORE = 0.03  # at most this share is lost before a cut-off
PASSED_AFTER = 0.01  # and this share passes after one, until the call is recognised again
LASTING_PACKETS = 6  # packets that a cut-off takes, on average: fewer were lost one by one


def own_ends_gain(view: ArmView) -> Callable[[DirectionLosses], Floats]:
    """Return the gain (1,) of "every call is cut off at its own time", as where a translator now and then gives it a
    new port and so a new start. The gain is 0 if as many calls live on as ended: a translator forgets single flows, a
    rule cuts all of them off."""
    found = {
        direction: [cut_offs(losses) for losses in view.losses if losses.direction == direction]
        for direction in DIRECTIONS
    }
    cut = [direction for direction, lives in found.items() if lives and _most_end(lives)]
    return lambda losses: np.array([cut_offs(losses).gain if losses.direction in cut else 0.0])


def _most_end(found: list[CutOffs]) -> bool:
    """Whether most calls ended, out of those that ended and those still alive when the median one had."""
    end_s = np.concatenate([lives.end_s for lives in found])
    until_s = np.concatenate([lives.until_s for lives in found])
    ended = np.isfinite(end_s)
    return bool(ended.any()) and int(ended.sum()) > int((until_s[~ended] > np.median(end_s[ended])).sum())


class CutOffs(NamedTuple):
    """`gain` is that of cutting each call off and letting it start again, where its own packets fit that best. For each
    call: when it was first cut off (inf: never), and until when it was watched. Of the media that were `sent` once
    calls had been cut off for some packets, so much `passed`."""

    gain: float
    end_s: Floats
    until_s: Floats
    sent: int = 0
    passed: int = 0


@lru_cache(maxsize=256)
def cut_offs(losses: DirectionLosses) -> CutOffs:
    """Compute the cut-offs of the calls of one direction. A call has a gain only if it loses next to nothing while it
    lives and then everything, for more than a few packets: otherwise its packets may have been lost one by one."""
    sure = losses.gains_by_call(np.array(SURE_LOSS))
    if not sure.size:
        return CutOffs(0.0, np.zeros(0), np.zeros(0))
    gained, alive = _likely_segments(sure, log(sure.shape[1]))
    sent, lost = losses.calls
    usual = float((sent & alive).sum(axis=0) @ np.minimum(losses.chance, LOST_BEFORE))
    clean = (lost & alive).sum() <= usual + 2.0 * np.sqrt(usual) + 1.0
    dead = (sent & ~lost & ~alive).sum() <= PASSED_AFTER * (sent & ~alive).sum()
    recent = sliding_window_view(  # each slot behind those before it
        np.pad(alive, ((0, 0), (LASTING_PACKETS, 0)), constant_values=True), LASTING_PACKETS + 1, axis=1
    )
    lasting = (sent & ~alive).sum() >= LASTING_PACKETS * (~alive & recent[..., -2]).sum()
    settled = sent & losses.media & ~recent.any(axis=2)
    return CutOffs(
        gain=float(gained.sum()) if clean and dead and lasting else 0.0,
        end_s=np.where(alive, np.inf, losses.at_s).min(axis=1),
        until_s=np.where(sent, losses.at_s, 0.0).max(axis=1),
        sent=int(settled.sum()),
        passed=int((settled & ~lost).sum()),
    )


def nothing_passes(view: ArmView, hit: tuple[Direction, ...]) -> bool:
    """Whether next to nothing of the media of calls passes that were cut off: else they only lose much."""
    found = [cut_offs(losses) for losses in view.losses if losses.direction in hit]
    return sum(each.passed for each in found) <= PASSED_AFTER * sum(each.sent for each in found)


def _likely_segments(dead: Floats, change: float) -> tuple[Floats, Bits]:
    """Find the most likely path of each flow through two states, dead and alive (Viterbi 1967): its gain (flows,), and
    when the flow was alive (flows, slots). The dead state gains `dead` (flows, slots), the alive state nothing; a
    change costs `change`."""
    paths = [_likely_path(row, change) for row in dead.tolist()]
    return np.array([gain for gain, _ in paths]), np.array([alive for _, alive in paths], np.bool_)


def _likely_path(dead: list[float], change: float) -> tuple[float, list[bool]]:
    """Find that path of one flow. (A flow has too few slots, and a slot too few flows, for arrays to be quicker.)"""
    lives, dies = 0.0, -inf
    turns: list[tuple[bool, bool]] = []  # whether a flow that lives here died before, and the reverse
    for gain in dead:
        turns.append((dies - change > lives, lives - change > dies))
        lives, dies = max(lives, dies - change), max(dies, lives - change) + gain
    now, alive = lives >= dies, []
    for came, went in reversed(turns):
        alive.append(now)
        now = not came if now else went
    return max(lives, dies), alive[::-1]
