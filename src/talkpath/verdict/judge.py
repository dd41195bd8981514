"""Facts to verdicts. Pure: the same facts give the same verdicts on any machine, log10 e within 1e-9.

`judge_arms` gives one verdict per arm of the plan, `judge` one per app and medium: that of its worst arm. What each
state means and needs is in standing.py, how a mechanism is named in naming.py and rules/.
"""

from __future__ import annotations

from math import log

import numpy as np

from talkpath.apps.contract.shape import AffectedDirections
from talkpath.measure.bitmap import unpack
from talkpath.measure.facts import Epoch, Facts
from talkpath.verdict.assessment import Standing, delays, log_threshold, stand
from talkpath.verdict.bases.messages import judge_messages
from talkpath.verdict.flows.arm_view import EXPLAINED, View
from talkpath.verdict.flows.outcomes import fates
from talkpath.verdict.memo import per_epoch
from talkpath.verdict.model import State, Verdict
from talkpath.verdict.rules import VERSION
from talkpath.verdict.rules.best import named_at_s
from talkpath.verdict.rules.rule import Parameters
from talkpath.verdict.statistics.canary import canary_log_e
from talkpath.verdict.statistics.cohort import DIRECTIONS
from talkpath.verdict.statistics.interval import Interval
from talkpath.verdict.statistics.strength import Strength

RULES_VERSION = VERSION
WORST: tuple[State, ...] = ("restricted", "closed", "unreachable", "impaired", "ok", "insufficient")
LN10 = log(10.0)


def judge(facts: Facts) -> list[Verdict]:
    """One verdict per (app, medium) of the plan, in its order: the worst decided arm's.

    An arm that could not be decided although something was amiss comes before one that is plainly ok.
    """
    standings = _standings(facts)
    order = dict.fromkeys((s.arm.app, s.arm.medium) for s in standings)
    groups = {key: [s for s in standings if (s.arm.app, s.arm.medium) == key] for key in order}
    calls = [_verdict(facts, min(group, key=_rank)) for group in groups.values()]
    return calls + judge_messages(facts)


def judge_arms(facts: Facts) -> list[Verdict]:
    """One verdict per arm of the plan, in its order."""
    return [_verdict(facts, standing) for standing in _standings(facts)]


def undecided(facts: Facts) -> bool:
    """Is there an app of which nothing can be said yet?"""
    return any(verdict.state == "insufficient" for verdict in judge(facts))


def _standings(facts: Facts) -> list[Standing]:
    return [stand(facts, arm) for arm in facts.plan.arms]


def _rank(standing: Standing) -> tuple[float, float]:
    rank = float(WORST.index(standing.state))
    if standing.state == "insufficient" and standing.hint:
        rank = WORST.index("ok") - 0.5
    return rank, -standing.strength.log_e if standing.strength else 0.0


def _verdict(facts: Facts, standing: Standing) -> Verdict:
    arm, view = standing.arm, standing.view
    rule, direction, parameters, alternatives = _mechanism(standing)
    calls, twins, flows, ids = _counts(view)
    known_at_s, decided_at_s = _times(standing)
    return Verdict(
        app=arm.app,
        variant=arm.variant,
        medium=arm.medium,
        state=standing.state,
        rule=rule,
        direction=direction,
        parameters=parameters,
        log10_e=_log10_e(facts, standing),
        basis=facts.plan.basis,
        decided_at_s=decided_at_s,
        known_at_s=known_at_s,
        watched_s=max((_span_s(epoch) for epoch in view.accusing), default=0.0),
        call_packets=calls,
        twin_packets=twins,
        flow_count=flows,
        observations=ids,
        reason=standing.reason,
        confidence=arm.confidence,
        alternatives=alternatives,
        figures=_figures(facts, standing),
    )


def _mechanism(standing: Standing) -> tuple[str | None, AffectedDirections | None, Parameters, tuple[str, ...]]:
    if standing.naming is not None:
        naming = standing.naming
        known = naming.best if not naming.alternatives else None
        direction = naming.best.direction if naming.best else _lopsided(standing.strength)
        return naming.rule, direction, known.measure() if known else {}, naming.alternatives
    if standing.closed is not None:
        rule, fit = standing.closed
        return rule.id, fit.direction, fit.measure(), ()
    return None, None, {}, ()


def _lopsided(proof: Strength | None) -> AffectedDirections | None:
    """The way in which calls lost most, where no rule explains it."""
    ways = [part for part in proof.parts if part.direction] if proof else []
    top = max(ways, key=lambda part: part.log_e, default=None)
    return top.direction if top else None  # type: ignore[return-value]


def _log10_e(facts: Facts, standing: Standing) -> float | None:
    if standing.closed is not None:
        return standing.closed.fit.gain / LN10 if standing.state == "closed" else None
    if standing.strength is None:
        return None
    log_e = standing.strength.log_e
    if standing.state == "restricted":  # an e-process stopped when it passed keeps at least what it passed
        log_e = max(log_e, log_threshold(facts))
    return log_e / LN10


def _times(standing: Standing) -> tuple[float | None, float | None]:
    """(known_at_s, decided_at_s)."""
    view = standing.view
    if standing.state == "restricted" and standing.strength is not None:
        known_s = standing.strength.known_at_s
        return known_s, named_at_s(view, known_s) if known_s is not None else None
    if standing.state == "insufficient":
        return None, None
    return None, max((epoch.known_s for epoch in view.epochs), default=view.facts.duration_s)


def _counts(view: View) -> tuple[int, int, int, tuple[int, ...]]:
    """(call packets, twin packets, flows, observation ids) of the epochs that hold calls beside twins."""
    epochs = [epoch for epoch in view.epochs if epoch.question in EXPLAINED]
    every = [fate for epoch in epochs for fate in fates(epoch)]
    calls = sum(fate.up.sent + fate.down.sent for fate in every if fate.role == "call")
    total = sum(fate.up.sent + fate.down.sent for fate in every)
    return calls, total - calls, len(every), tuple(flow.id for epoch in epochs for flow in epoch.flows)


@per_epoch
def _span_s(epoch: Epoch) -> float:
    """How long its calls were watched."""
    ends = [_last_s(epoch.up.at_ms, flow.sent) for flow in epoch.flows if flow.direction == "up"]
    return max(ends, default=0.0)


def _last_s(at_ms: tuple[float, ...], sent: bytes) -> float:
    slots = np.flatnonzero(unpack(sent, len(at_ms)))
    return at_ms[int(slots[-1])] / 1000.0 if len(slots) else 0.0


def _figures(facts: Facts, standing: Standing) -> dict[str, float | None]:
    """Numbers for the sentences; the names are listed in registry.FIGURES."""
    figures: dict[str, float | None] = {}
    heard = standing.talk
    for way in DIRECTIONS if heard else ():
        calls, twins = heard.calls[way], heard.twins[way]  # type: ignore[union-attr]
        figures |= {f"calls_lost_{way}": calls.estimate if calls else None,
                    f"calls_lost_{way}_low": calls.low if calls else None,
                    f"calls_lost_{way}_high": calls.high if calls else None,
                    f"twins_lost_{way}": twins.estimate if twins else None}  # fmt: skip
    for way, interval in standing.extra_loss.items():
        figures |= _bounded(f"extra_loss_{way}", interval)
    if standing.state in ("restricted", "ok"):
        for way, interval in delays(standing.view.accusing).items():
            figures |= _bounded(f"extra_delay_ms_{way}", interval)
    if heard:
        figures["mos"] = heard.mos
    if facts.epochs:
        figures["canary_log10_e"] = canary_log_e(facts.epochs) / LN10
    return figures


def _bounded(name: str, interval: Interval) -> dict[str, float | None]:
    return {name: interval.estimate, f"{name}_low": interval.low, f"{name}_high": interval.high}
