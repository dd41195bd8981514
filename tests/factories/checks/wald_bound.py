"""Wald's bound: the fewest blocks after which any test can know, were everything about the line and p known.

A block is one slot: the line is bad with probability `share` (then every packet is lost with `bad`), else packets are
lost with `calm`; calls lose `extra` on top. Its information is the mean of ln P(which are calls | m lost) over chance
(Wald 1945). Effects tied to 5-tuples have no such bound here.
"""

from __future__ import annotations

from itertools import product
from math import comb, inf, log

from scipy.stats import binom

MISS = 0.01


def needed_nats(alpha: float, miss: float = MISS) -> float:
    """What a test needs to accuse with error alpha and to miss with `miss`."""
    return (1 - miss) * log((1 - miss) / alpha) + miss * log(miss / (1 - alpha))


def nats_a_block(
    calls: int, twins: int, extra: float, *, calm: float = 0.0, share: float = 0.0, bad: float = 1.0
) -> float:
    """Nats a block."""
    joint: dict[tuple[int, int], float] = {}
    for a, c in product(range(calls + 1), range(twins + 1)):
        joint[a, c] = sum(
            chance * binom.pmf(a, calls, loss + extra * (1 - loss)) * binom.pmf(c, twins, loss)
            for chance, loss in ((1 - share, calm), (share, bad))
        )
    of_m = [sum(p for (a, c), p in joint.items() if a + c == m) for m in range(calls + twins + 1)]
    return sum(
        p * log(p / of_m[a + c] * comb(calls + twins, a + c) / comb(calls, a) / comb(twins, c))
        for (a, c), p in joint.items()
        if p > 1e-300
    )


def blocks_needed(alpha: float, calls: int, twins: int, extra: float, **line: float) -> float:
    """The bound in blocks."""
    found = nats_a_block(calls, twins, extra, **line)
    return needed_nats(alpha) / found if found else inf
