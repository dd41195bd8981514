"""Compares twins with twins, and twins with calls: the evidence for `closed` and for `insufficient (twin_worse)`.

All are the tests of `loss` and `arm_strength` with other flows in the two roles; the canary is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from talkpath.apps.contract.shape import Direction
from talkpath.measure.facts import Epoch
from talkpath.verdict.statistics import loss
from talkpath.verdict.statistics.cohort import is_call, is_text, is_twin
from talkpath.verdict.statistics.strength import arm_strength


def opaque_log_e(epochs: Sequence[Epoch], direction: Direction, worse: Literal["random", "text"] = "random") -> float:
    """Compute the natural log e that twins of kind `worse` lose more than the other kind (accusing epochs only)."""
    pair = (is_twin, is_text) if worse == "random" else (is_text, is_twin)
    return loss.loss_log_e(epochs, direction, *pair)


def twin_worse_log_e(epochs: Sequence[Epoch]) -> float:
    """Compute the natural log e that random twins fare worse than calls: `arm_strength` with the roles exchanged."""
    return arm_strength(epochs, float("inf"), is_twin, is_call).log_e
