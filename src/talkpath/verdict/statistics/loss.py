"""Loss: do call flows lose more than their twins? The accusing test (flow-permutation e-value, burst-aware).

A flow's score is a sum over its lost media packets of the burst-aware weight for one size of effect (burst.py), or
the square root of how many it lost (a count's spread grows with its mean, its root's does not), or its rank by that
count (paths, queues and NAT make single 5-tuples bad). Each score with a tilt is a component; a component
multiplies over epochs, and the components are averaged. These five came within 4 % of the best single one on
average over 69 cells of background, effect and packet rate (tests/verdict/world.py; worst 16 %); more only cost.
The burst model is fitted to the unlabelled losses of the epochs so far, this one included. Packets that a flow did
not send count as the cohort's average packet, so a flow that sent nothing says nothing. All of this is blind to
roles, which is all that validity asks for.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from talkpath.apps.contract.shape import Direction
from talkpath.measure.facts import Epoch
from talkpath.verdict.memo import per_epoch
from talkpath.verdict.statistics import burst
from talkpath.verdict.statistics.cohort import Choice, Cohort, accuses, cohort, is_call, is_twin
from talkpath.verdict.statistics.permutation import even, log_e_rows, log_mean, midranks

Floats = NDArray[np.float64]

ROOT_TILTS = (1.0, 2.0)
RANK_TILTS = (4.0,)
LOG_WEIGHTS = even(len(burst.EFFECTS) + len(ROOT_TILTS) + len(RANK_TILTS))


def log_e(
    epochs: Sequence[Epoch],
    direction: Direction,
    treated: Choice = is_call,
    control: Choice = is_twin,
) -> float:
    """Natural log e-value that calls (or other `treated` flows) lose more than their twins in that direction."""
    steps_ = steps([epoch for epoch in epochs if accuses(epoch)], direction, treated, control)
    return float(log_mean(steps_.sum(axis=0), LOG_WEIGHTS))


def steps(
    epochs: Sequence[Epoch],
    direction: Direction,
    treated: Choice = is_call,
    control: Choice = is_twin,
) -> Floats:
    """(epochs, components): what each epoch, in this order, adds to each component's log."""
    seen: dict[int, Floats] = {}
    rows = np.zeros((len(epochs), len(LOG_WEIGHTS)))
    for row, epoch in zip(rows, epochs, strict=True):
        histogram = blocks(epoch, direction, treated, control)
        size = len(histogram)
        seen[size] = seen[size] + histogram if size in seen else histogram
        row[:] = _step(epoch, direction, treated, control, seen[size].tobytes())
    return rows


@per_epoch
def blocks(epoch: Epoch, direction: Direction, treated: Choice, control: Choice) -> Floats:
    """(K + 1,): how many full blocks (every flow of the cohort sent) had m losses."""
    flows = cohort(epoch, direction, treated, control)
    full = flows.counted.all(axis=0)
    lost = flows.lost[:, full].sum(axis=0)
    return np.bincount(lost, minlength=len(flows.treated) + 1).astype(np.float64)


@per_epoch
def _step(epoch: Epoch, direction: Direction, treated: Choice, control: Choice, seen: bytes) -> Floats:
    flows = cohort(epoch, direction, treated, control)
    calls = int(flows.treated.sum())
    if calls in (0, len(flows.treated)):
        return np.zeros(len(LOG_WEIGHTS))
    table = burst.weights(np.frombuffer(seen), calls)
    return log_e_rows(scores(flows, table), flows.treated)


def scores(flows: Cohort, table: Floats) -> Floats:
    """(components, K). `table` (effects, m) holds the weight of a loss among m."""
    among = flows.lost.sum(axis=0)
    weighed = filled(table[:, among] @ flows.lost.T, flows)
    counts = filled(flows.lost.sum(axis=1, dtype=np.float64)[None], flows)[0]
    roots, ranks = np.sqrt(counts), midranks(counts) / len(counts)
    return np.vstack([weighed, np.multiply.outer(ROOT_TILTS, roots), np.multiply.outer(RANK_TILTS, ranks)])


def filled(sums: Floats, flows: Cohort) -> Floats:
    """Sums (rows, K) over lost packets, with each unsent slot counted as the cohort's average packet."""
    sent = flows.counted.sum(axis=1)
    if not sent.any():
        return sums
    average = sums.sum(axis=1, keepdims=True) / sent.sum()
    return np.asarray(sums + average * (sent.max() - sent))
