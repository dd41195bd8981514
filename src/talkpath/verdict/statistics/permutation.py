"""Computes the flow-permutation e-value: evidence that treated flows fared differently, valid for any network
behaviour.

Contract: roles are drawn at random over the flows of an epoch. Let x_j be any score of flow j that depends on what
happened to the 5-tuples and not on the roles. Then, if nT of K flows are treated,

    e = C(K, nT) exp(sum over treated of theta x_j) / e_nT(exp(theta x_1), ..., exp(theta x_K))

(e_n is the elementary symmetric polynomial) has mean exactly 1 over all assignments: the denominator is the sum of the
numerator over them. Products over epochs, and averages over components, are e-values at every moment
(docs/why/2026-11-24-twins-and-permutation.md). All values are natural logs, so nothing overflows.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import lgamma, log

import numpy as np
from numpy.typing import NDArray

from talkpath.measure.arrays import Floats

LN10 = log(10.0)
MOST_NATS = 600.0  # exp(-600) does not underflow


def log_e(scores: Floats, calls: NDArray[np.bool_], exponents: Sequence[float] | Floats) -> Floats:
    """Compute the log e-values (components,) from scores (K,), treated flows `calls` (K,) and one exponent per
    component."""
    return permutation_log_e_rows(np.multiply.outer(np.asarray(exponents, np.float64), scores), calls)


def permutation_log_e_rows(weighted: Floats, calls: NDArray[np.bool_]) -> Floats:
    """Compute the same where each component has its own scores: `weighted` is (..., K), the result (...)."""
    count, treated = len(calls), int(calls.sum())
    if treated in (0, count):
        return np.zeros(weighted.shape[:-1])
    centred = weighted - weighted.mean(axis=-1, keepdims=True)
    chosen: Floats = centred[..., calls].sum(axis=-1)
    return log_choose(count, treated) + chosen - log_symmetric(centred, treated)


def log_symmetric(logs: Floats, order: int) -> Floats:
    """Compute ln e_order(exp(logs)) along the last axis, by the recursion over its elements.

    All terms are positive, so no precision is lost in sums; logs are needed because the numbers themselves underflow.
    """
    if order * np.ptp(logs, axis=-1).max(initial=0.0) > MOST_NATS:
        return _log_symmetric_of_logs(logs, order)
    top = logs.max(axis=-1, keepdims=True)
    elements = np.ascontiguousarray(np.moveaxis(np.exp(logs - top), -1, 0))
    sums = np.zeros((order + 1, *logs.shape[:-1]))
    sums[0] = 1.0
    for count, element in enumerate(elements, 1):
        first, last = max(1, order - len(elements) + count), min(count, order) + 1  # what e_order still depends on
        sums[first:last] += sums[first - 1 : last - 1] * element
    return np.asarray(np.log(sums[order]) + order * top[..., 0])


def _log_symmetric_of_logs(logs: Floats, order: int) -> Floats:
    sums = np.full((*logs.shape[:-1], order + 1), -np.inf)
    sums[..., 0] = 0.0
    for index in range(logs.shape[-1]):
        sums[..., 1:] = np.logaddexp(sums[..., 1:], sums[..., :-1] + logs[..., index, None])
    result: Floats = sums[..., order]
    return result


def log_choose(count: int, chosen: int) -> float:
    """Return ln of the binomial coefficient."""
    return lgamma(count + 1) - lgamma(chosen + 1) - lgamma(count - chosen + 1)


def log_mean(log_values: Floats, log_weights: Floats) -> Floats:
    """Return ln of the weighted mean along the last axis."""
    values = log_values + log_weights
    top = values.max(axis=-1, keepdims=True)
    return np.asarray(np.log(np.exp(values - top).sum(axis=-1)) + top[..., 0])


def even_log_weights(count: int) -> Floats:
    """Return the log weights of `count` equal components."""
    return np.full(count, -np.log(count))


def midranks(values: Floats) -> Floats:
    """Return the ranks from 1; ties share their mean rank."""
    below = (values[:, None] > values).sum(axis=1)
    same = (values[:, None] == values).sum(axis=1)
    return np.asarray(below + (same + 1) / 2)
