"""Calls that are cut off, each at an end of its own, and begin anew where a translator gives them a new port.

Contract: facts only; gains as in `verdict.view`. A box that cut a flow off takes what comes from another port for a new
one: it passes until it is known and due again, which may be a few packets only.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import log
from typing import NamedTuple

import numpy as np

from talkpath.verdict.flows.arm_view import Bits, Floats, Side, View
from talkpath.verdict.rules.rule import SURE
from talkpath.verdict.statistics.cohort import DIRECTIONS

STILL_FINE, STRAY = 0.03, 0.01  # share lost before an end; and that passes after it, until a box knows the call again


def ends(view: View) -> Callable[[Side], Floats]:
    """(1,): every call ends somewhere, as where a translator gives it a new port, and so a new start, now and then. Not
    where as many live on beside those that ended: a translator forgets single flows, a rule cuts all off."""
    found = {way: [_lives(side) for side in view.sides if side.direction == way] for way in DIRECTIONS}
    cut = [way for way, lives in found.items() if lives and _most_end(lives)]
    return lambda side: np.array([_lives(side).gain if side.direction in cut else 0.0])


def _most_end(found: list[Lives]) -> bool:
    """Of the calls that ended, or were still alive when the middle one of these had ended."""
    end_s = np.concatenate([lives.end_s for lives in found])
    until_s = np.concatenate([lives.until_s for lives in found])
    ended = np.isfinite(end_s)
    return bool(ended.any()) and int(ended.sum()) > int((until_s[~ended] > np.median(end_s[ended])).sum())


class Lives(NamedTuple):
    """What is gained if each call is cut off, and begins anew, when its own packets say so; and for each call when it
    was first cut off (inf: never), and until when it was watched."""

    gain: float
    end_s: Floats
    until_s: Floats


@lru_cache(maxsize=256)
def _lives(side: Side) -> Lives:
    """While it lives a call loses next to nothing, and then all: else its packets may have been lost one by one."""
    sure = side.each(np.array(SURE))
    if not sure.size:
        return Lives(0.0, np.zeros(0), np.zeros(0))
    gained, alive = _segments(sure, log(sure.shape[1]))
    sent, lost = side.calls
    usual = float((sent & alive).sum(axis=0) @ np.minimum(side.chance, STILL_FINE))
    clean = (lost & alive).sum() <= usual + 2.0 * np.sqrt(usual) + 1.0
    dead = (sent & ~lost & ~alive).sum() <= STRAY * (sent & ~alive).sum()
    end_s = np.where(alive, np.inf, side.at_s).min(axis=1)
    until_s = np.where(sent, side.at_s, 0.0).max(axis=1)
    return Lives(float(gained.sum()) if clean and dead else 0.0, end_s, until_s)


def _segments(dead: Floats, change: float) -> tuple[Floats, Bits]:
    """(flows,) the most that a flow gains if it is dead, slot by slot (flows, slots), or alive for nothing, at a price
    for each change; and (flows, slots) when it was alive then (the path of Viterbi 1967)."""
    lives, dies = np.zeros(len(dead)), np.full(len(dead), -np.inf)
    came, went = np.zeros((2, *dead.shape), np.bool_)
    for slot in range(dead.shape[1]):
        came[:, slot], went[:, slot] = dies - change > lives, lives - change > dies
        lives, dies = np.maximum(lives, dies - change), np.maximum(dies, lives - change) + dead[:, slot]
    alive = np.zeros(dead.shape, np.bool_)
    now = lives >= dies
    for slot in range(dead.shape[1] - 1, -1, -1):
        alive[:, slot] = now
        now = np.where(now, ~came[:, slot], went[:, slot])
    return np.maximum(lives, dies), alive
