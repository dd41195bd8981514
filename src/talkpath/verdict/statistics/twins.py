"""Compares twins with twins, and twins with calls: the evidence for `closed` and for `insufficient (twin_worse)`.

All are the tests of `loss` and `strength` with other flows in the two roles; the canary is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from talkpath.apps.contract.shape import Direction
from talkpath.measure.facts import Epoch
from talkpath.verdict.statistics import loss
from talkpath.verdict.statistics.cohort import is_call, is_tcp, is_text, is_twin
from talkpath.verdict.statistics.permutation import log_mean
from talkpath.verdict.statistics.strength import strength


def opaque_log_e(epochs: Sequence[Epoch], direction: Direction, worse: Literal["random", "text"] = "random") -> float:
    """Compute the natural log e that twins of kind `worse` lose more than the other kind (accusing epochs only)."""
    pair = (is_twin, is_text) if worse == "random" else (is_text, is_twin)
    return loss.log_e(epochs, direction, *pair)


def udp_log_e(epochs: Sequence[Epoch], direction: Direction) -> float:
    """Compute the natural log e that random twins over UDP lose more than twins over TCP (epochs of question "tcp"
    only)."""
    chosen = [epoch for epoch in epochs if epoch.question == "tcp"]
    total = loss.steps(chosen, direction, is_twin, is_tcp).sum(axis=0)
    return float(log_mean(total, loss.LOG_WEIGHTS))


def twin_worse_log_e(epochs: Sequence[Epoch]) -> float:
    """Compute the natural log e that random twins fare worse than calls: `strength` with the roles exchanged."""
    return strength(epochs, float("inf"), is_twin, is_call).log_e
