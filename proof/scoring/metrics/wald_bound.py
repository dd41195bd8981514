"""Computes Wald's bound: the fewest slots after which any test can decide, even if it knew the line and p beforehand.

A block is one slot: the line is bad with probability `share` (then every packet is lost with probability `bad`), else
nothing is lost; calls lose `extra` in addition. Its information is the mean of ln P(which are calls | m lost) relative
to chance. Where the network treats 5-tuples differently there is no such bound. Where bursts are longer than a slot,
slots carry less information, and no test can reach the bound. Tests compare it with one computed with scipy.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product
from math import comb, inf, log
from typing import NamedTuple

MISS = 0.01
LEAST = 1e-300


class LossModel(NamedTuple):
    """The losses of a line that treats all packets alike."""

    share: float = 0.0
    bad: float = 1.0


def needed_nats(alpha: float, miss: float = MISS) -> float:
    """Returns the information that a test needs, with error alpha and a probability `miss` of missing."""
    return (1 - miss) * log((1 - miss) / alpha) + miss * log(miss / (1 - alpha))


@cache
def wald_blocks(alpha: float, calls: int, twins: int, extra: float, line: LossModel) -> float:
    """Returns the bound in slots; infinite where nothing can be known."""
    found = block_nats(calls, twins, extra, line)
    return needed_nats(alpha) / found if found else inf


def block_nats(calls: int, twins: int, extra: float, line: LossModel) -> float:
    """Returns the information of one block, in nats."""
    joint = {
        (a, c): sum(
            chance * _binomial_chance(a, calls, loss + extra * (1 - loss)) * _binomial_chance(c, twins, loss)
            for chance, loss in ((1 - line.share, 0.0), (line.share, line.bad))
        )
        for a, c in product(range(calls + 1), range(twins + 1))
    }
    lost = [sum(p for (a, c), p in joint.items() if a + c == m) for m in range(calls + twins + 1)]
    return sum(_outcome_terms(joint, lost, calls, twins))


def _outcome_terms(joint: dict[tuple[int, int], float], lost: list[float], calls: int, twins: int) -> Iterator[float]:
    for (a, c), p in joint.items():
        if p > LEAST:
            yield p * log(p / lost[a + c] * comb(calls + twins, a + c) / comb(calls, a) / comb(twins, c))


def _binomial_chance(count: int, of: int, chance: float) -> float:
    return comb(of, count) * float(chance**count) * float((1 - chance) ** (of - count))
