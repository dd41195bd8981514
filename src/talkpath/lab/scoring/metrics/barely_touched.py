"""Arms that a rule acts on, though so little that nobody would notice: neither hit nor left alone.

A limit for large packets takes three from the opening of a call of Meet, which is 0.5 % of ten seconds of it. In a
check calls are shorter, and it shows. Whoever says "restricted" then says nothing untrue, and whoever says nothing has
missed nothing; so these arms are counted apart.
"""

from __future__ import annotations

from functools import lru_cache

from talkpath.apps import shapes
from talkpath.lab.ground_truth.hits import MATTERS, share_of_call
from talkpath.lab.restrictor import parse_rule
from talkpath.lab.scoring.row import Row


def touched(row: Row) -> frozenset[str]:
    """Those of its arms."""
    return frozenset(arm for arm in row.arms if arm not in row.hit and any(_hardly(rule, arm) for rule in row.rules))


@lru_cache(maxsize=4096)
def _hardly(text: str, name: str) -> bool:
    """Does that rule take something of one call of the arm, but less than matters (`lab/scenario.py`)?"""
    shape = next(shape for arm, shape in shapes().items() if str(arm) == name)
    return any(0.0 < share < MATTERS for share in share_of_call(parse_rule(text), shape, 0).values())
