"""Combines all tests into the strength of evidence that calls of one arm are treated worse than their twins.

Contract: `arm_strength` is a weighted average of e-processes (loss each way, set-up, survival, delay each way), so they
need not be independent and it is valid at every moment: under the null the chance that it ever reaches 1/x is at most
x. It uses UDP call flows and their random twins of baseline epochs only, in the order in which these became known.

The test of set-up asks whether calls get fewer answers than their twins.
The score of a flow is the number of its set-up stages that got no answer at the probe after all tries. The test is a
flow-permutation e-value with two exponents; calls and twins follow one schedule, so they have the same stages.
`answered` comes from the probe alone, so an epoch without the far end's report counts too.

The same tests with other flows in the two roles (twins against twins, twins against calls) are the evidence for
`closed` and for `insufficient (twin_worse)`; the canary is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from talkpath.apps.contract.shape import Direction
from talkpath.measure.arrays import Bits, Floats
from talkpath.measure.facts import Epoch
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.statistics import delay, loss, survival
from talkpath.verdict.statistics.cohort import (
    Choice,
    is_call,
    is_gentle,
    is_text,
    is_twin,
    may_accuse,
    pick_observations,
)
from talkpath.verdict.statistics.permutation import even_log_weights, log_mean
from talkpath.verdict.statistics.permutation import log_e as permutation_log_e

SETUP_EXPONENTS = (2.0, 5.0)
STAKES = np.log([0.95, 0.05])  # on all epochs; on gentle ones alone, if the check's own load spoils the others
SETUP_LOG_WEIGHTS = even_log_weights(len(SETUP_EXPONENTS))


def setup_steps(epochs: Sequence[Epoch], treated: Choice = is_call, control: Choice = is_twin) -> Floats:
    """Return what each epoch adds to the log of each component, shape (epochs, exponents)."""
    rows = [_epoch_step(epoch, treated, control) for epoch in epochs]
    return np.array(rows).reshape(len(epochs), len(SETUP_EXPONENTS))


@remember_result
def _epoch_step(epoch: Epoch, treated: Choice, control: Choice) -> Floats:
    flows = pick_observations(epoch, "up", treated, control)
    unanswered = np.array([list(flow.answered.values()).count(False) for flow in flows], np.float64)
    return permutation_log_e(unanswered, np.array([treated(flow) for flow in flows], np.bool_), SETUP_EXPONENTS)


Steps = Callable[[Sequence[Epoch], Choice, Choice], Floats]

TEST_PARTS: tuple[tuple[str, Direction | None, float, Steps, Floats], ...] = (
    ("loss", "up", 0.22, lambda e, t, c: loss.loss_steps(e, "up", t, c), loss.LOSS_LOG_WEIGHTS),
    ("loss", "down", 0.22, lambda e, t, c: loss.loss_steps(e, "down", t, c), loss.LOSS_LOG_WEIGHTS),
    ("setup", None, 0.20, setup_steps, SETUP_LOG_WEIGHTS),
    ("kill", None, 0.20, survival.survival_steps, survival.SURVIVAL_LOG_WEIGHTS),
    ("delay", "up", 0.08, lambda e, t, c: delay.delay_steps(e, "up", delay.FLOOR_MS, t, c), delay.DELAY_LOG_WEIGHTS),
    (
        "delay",
        "down",
        0.08,
        lambda e, t, c: delay.delay_steps(e, "down", delay.FLOOR_MS, t, c),
        delay.DELAY_LOG_WEIGHTS,
    ),
)


class Part(NamedTuple):
    """One test. `log_e` is its own natural log e-value now; `at_s` is when its weight times e alone passed the
    threshold."""

    name: str
    direction: Direction | None
    weight: float
    log_e: float
    at_s: float | None


class Strength(NamedTuple):
    """The combined evidence: `log_e` now, `peak_log_e` the largest so far, `known_at_s` when it first reached the
    threshold.

    By Ville's inequality the peak may be compared with the threshold; `log_e` has mean e-value <= 1 under the null.
    `known_at_s` is None where it did not reach the threshold.
    """

    log_e: float
    peak_log_e: float
    known_at_s: float | None
    parts: tuple[Part, ...]


def arm_strength(
    epochs: Sequence[Epoch], log_threshold: float, treated: Choice = is_call, control: Choice = is_twin
) -> Strength:
    """Compute the evidence of one arm's epochs. `log_threshold` is ln(m/alpha). Epochs of other questions are
    ignored."""
    known = sorted((e for e in epochs if may_accuse(e)), key=lambda epoch: (epoch.known_s, epoch.number))
    paths, total = _log_e_paths(tuple(known), treated, control)
    parts = tuple(
        Part(name, direction, weight, float(path[-1]), _first_crossing(known, path + np.log(weight), log_threshold))
        for (name, direction, weight, _, _), path in zip(TEST_PARTS, paths, strict=True)
    )
    return Strength(float(total[-1]), float(total.max()), _first_crossing(known, total, log_threshold), parts)


@remember_result
def _log_e_paths(known: tuple[Epoch, ...], treated: Choice, control: Choice) -> tuple[Floats, Floats]:
    """Return the paths of all parts (parts, epochs + 1), and that of the whole. They do not depend on a threshold, and
    are compared with several."""
    gentle = np.array([is_gentle(epoch) for epoch in known], np.bool_)
    paths = np.array([_part_path(steps(known, treated, control), mix, gentle) for _, _, _, steps, mix in TEST_PARTS])
    return paths, log_mean(paths.T, np.log([weight for _, _, weight, _, _ in TEST_PARTS]))


def _part_path(steps: Floats, mix: Floats, gentle: Bits) -> Floats:
    """Return the part's log e before the first epoch (0) and after each, shape (epochs + 1,): the mean of two bets,
    since the size of an epoch is chosen before its roles are drawn."""
    bets = np.hstack([steps, steps * gentle[:, None]]).cumsum(axis=0)
    return log_mean(np.vstack([np.zeros(2 * len(mix)), bets]), (STAKES[:, None] + mix).ravel())


def _first_crossing(known: Sequence[Epoch], path: Floats, log_threshold: float) -> float | None:
    reached = np.flatnonzero(path >= log_threshold)
    return known[int(reached[0]) - 1].known_s if len(reached) and reached[0] > 0 else None


def opaque_log_e(epochs: Sequence[Epoch], direction: Direction, worse: Literal["random", "text"] = "random") -> float:
    """Compute the natural log e that twins of kind `worse` lose more than the other kind (accusing epochs only)."""
    pair = (is_twin, is_text) if worse == "random" else (is_text, is_twin)
    return loss.loss_log_e(epochs, direction, *pair)


def twin_worse_log_e(epochs: Sequence[Epoch]) -> float:
    """Compute the natural log e that random twins fare worse than calls: `arm_strength` with the roles exchanged."""
    return arm_strength(epochs, float("inf"), is_twin, is_call).log_e
