"""Judges repeated checks of one network together (`talkpath watch`).

Each check gives one e-value for each arm: the value of its e-process at the end, never its peak. A product of them is
an e-value again, since every check draws new roles. It is not known when a restriction began, so one product starts at
each check and all are averaged: the k-th with weight 1/(k(k+1)), the remaining weight on the constant 1:

    E_n = sum over k <= n of (e_k e_(k+1) ... e_n) / (k (k + 1))  +  1 / (n + 1)

Under the null the chance that E_n ever reaches 1/x is at most x, however long the watch (Ville). No check is selected:
all count that are not void, and what makes one void (late packets, a changed network) does not depend on calls.
`restricted` needs m/alpha over the whole watch, and an effect that mattered in some check.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, log

from msgspec import Struct

from talkpath.apps.contract.shape import AffectedDirections, Arm
from talkpath.measure.facts import Facts
from talkpath.verdict.assess import assess_arm
from talkpath.verdict.assessment import Assessment, log_threshold
from talkpath.verdict.model import Number, State, Verdict
from talkpath.verdict.statistics.permutation import LN10
from talkpath.verdict.validity import why_voided

AGAIN_AFTER = 2  # restricted checks after the last ok one, before a learned block is considered


class ArmResult(Struct, frozen=True):
    """The result of one check for one arm. `log_e`: natural log of its e-value, 0 if no calls ran beside twins."""

    state: State
    rule: str | None
    direction: AffectedDirections | None
    log_e: float


class Run(Struct, frozen=True):
    """One check of the watch, with its start and end in seconds from the start of the watch. `void`: it does not count.

    `fresh`: its test server had never been called from here before. `interrupted`: whoever watches stopped it.
    """

    started_s: float
    ended_s: float
    void: bool
    log_threshold: float
    arms: dict[Arm, ArmResult]
    fresh: bool = False
    interrupted: bool = False


def run_of(started_s: float, facts: Facts, *, fresh: bool = False) -> Run:
    """Reduce one check to what the watch needs."""
    arms = {plan.arm: _result_of(assess_arm(facts, plan)) for plan in facts.plan.arms}
    unreached = facts.reach.control != "connected" and not facts.epochs
    void = why_voided(facts) is not None or unreached
    interrupted = facts.health.ended == "interrupted"
    return Run(started_s, started_s + facts.duration_s, void, log_threshold(facts), arms, fresh, interrupted)


def _result_of(assessment: Assessment) -> ArmResult:
    explanation = assessment.explanation
    rule = explanation.rule if explanation else assessment.closed.rule.id if assessment.closed else None
    direction = explanation.best.direction if explanation and explanation.best else None
    return ArmResult(assessment.state, rule, direction, assessment.strength.log_e if assessment.strength else 0.0)


def join_runs(runs: Sequence[Run]) -> list[Verdict]:
    """Give one verdict per (app, medium): its worst arm over all checks that count. `figures`: `checks`,
    `checks_restricted`, `checks_ok`. Times are seconds from the start of the watch."""
    counted = [run for run in runs if not run.void]
    arms = dict.fromkeys(arm for run in counted if not run.fresh for arm in run.arms)
    joined = [_join_arm(arm, counted) for arm in arms]
    kinds = dict.fromkeys((each.app, each.medium) for each in joined)
    return [max((each for each in joined if (each.app, each.medium) == kind), key=_badness) for kind in kinds]


def _badness(verdict: Verdict) -> tuple[bool, bool, float]:
    return verdict.state == "restricted", verdict.state != "ok", verdict.log10_e or 0.0


def _join_arm(arm: Arm, counted: Sequence[Run]) -> Verdict:
    runs = [run for run in counted if arm in run.arms and not run.fresh]
    said = [run.arms[arm] for run in runs]
    path = log_e_path([each.log_e for each in said])
    reached = [n for n, log_e in enumerate(path) if log_e >= runs[n].log_threshold]
    accusing = [each for each in said if each.state == "restricted"]
    proven = bool(reached and accusing)
    learned = _learned_from_calls(arm, runs, [run for run in counted if run.fresh]) if proven else None
    last = accusing[-1] if proven else _last_word(arm, runs)
    known_s = runs[reached[0]].ended_s if proven else None
    state: State = "restricted" if proven else "insufficient" if last.state == "restricted" else last.state
    return Verdict(
        app=arm.app,
        variant=arm.variant,
        medium=arm.medium,
        state=state,
        rule="relearn" if learned else last.rule if proven or state == "closed" else None,
        direction=last.direction if proven else None,
        parameters={"after_s": learned} if learned else {},
        log10_e=path[-1] / LN10,
        known_at_s=known_s,
        decided_at_s=known_s,
        watched_s=runs[-1].ended_s - runs[0].started_s,
        figures={
            "checks": float(len(said)),
            "checks_restricted": float(len(accusing)),
            "checks_ok": float(sum(each.state == "ok" for each in said)),
        },
    )


def _last_word(arm: Arm, runs: Sequence[Run]) -> ArmResult:
    """What the last check said of the arm. One that was stopped before it could tell takes no earlier answer back, as
    long as nothing in it speaks against calls."""
    told = [
        run for run in runs if not run.interrupted or run.arms[arm].state != "insufficient" or run.arms[arm].log_e > 0
    ]
    return (told or runs)[-1].arms[arm]


def log_e_path(log_e: Iterable[float]) -> list[float]:
    """Compute ln E_n after each check, from the ln e of each."""
    products: list[float] = []  # ln of weight times product, one for each first check
    path = []
    for n, each in enumerate(log_e, 1):
        products = [product + each for product in [*products, -log(n * (n + 1))]]
        path.append(_log_sum([*products, -log(n + 1)]))
    return path


def _log_sum(logs: Sequence[float]) -> float:
    top = max(logs)
    return top + log(sum(exp(each - top) for each in logs))


def wants_fresh(runs: Sequence[Run]) -> bool:
    """Whether to call a server that was never called before: some arm is restricted now that was ok at first."""
    counted = [run for run in runs if not run.void and not run.fresh]
    if len(counted) <= AGAIN_AFTER or any(run.fresh for run in runs):
        return False
    return any(
        said.state == "ok"
        and all(arm in run.arms and run.arms[arm].state == "restricted" for run in counted[-AGAIN_AFTER:])
        for arm, said in counted[0].arms.items()
    )


def _learned_from_calls(arm: Arm, runs: Sequence[Run], fresh: Sequence[Run]) -> Number | None:
    """Return how long after the first call the server was blocked, if it was learned from calls (M14): all checks were
    ok at first, later ones restricted, while calls to a server that was never called before still succeed."""
    states = [run.arms[arm].state for run in runs]
    bad = [n for n, state in enumerate(states) if state == "restricted"]
    if not bad or states[0] != "ok" or len(bad) < AGAIN_AFTER or bad != list(range(bad[0], len(states))):
        return None
    elsewhere = [run.arms[arm].state for run in fresh if arm in run.arms and run.started_s >= runs[bad[0]].started_s]
    if not elsewhere or any(state != "ok" for state in elsewhere):
        return None
    low_s, high_s = runs[bad[0] - 1].ended_s - runs[0].started_s, runs[bad[0]].ended_s - runs[0].started_s
    return Number((low_s + high_s) / 2, low_s, high_s)
