"""Finds the arms that a rule affects too little to matter: they count neither as hit nor as unaffected.

Example: a size limit drops three packets at the start of a Meet call, which is 0.5 % of ten seconds of it. In a check,
calls are shorter and the loss is visible. For such an arm "restricted" is not false, and its absence is not a miss; so
these arms are counted separately.
"""

from __future__ import annotations

from functools import lru_cache

from proof.scoring.row import CheckRow
from talkpath.apps import shapes
from talkpath.lab.ground_truth import MATTERS, share_of_call
from talkpath.lab.restrictor import parse_rule


def barely_touched_arms(row: CheckRow) -> frozenset[str]:
    """Returns the arms of a row that a rule barely affects."""
    return frozenset(
        arm for arm in row.arms if arm not in row.hit and any(_barely_drops(rule, arm) for rule in row.rules)
    )


@lru_cache(maxsize=4096)
def _barely_drops(text: str, name: str) -> bool:
    """Returns whether the rule drops some packets of the arm's call, but fewer than matter (lab/ground_truth/hits)."""
    shape = next(shape for arm, shape in shapes().items() if str(arm) == name)
    return any(0.0 < share < MATTERS for share in share_of_call(parse_rule(text), shape, 0).values())
