"""Decides the state of one arm (ok, restricted, closed, impaired, unreachable, insufficient) from its evidence.

The most basic checks come first: what voids the run, then what voids the comparison (twins worse than calls), then the
only accusation (an e-value of at least m/alpha, and an effect that matters), then what hits calls and twins alike
(closed). What is left is unaccused.py's: impaired, ok, insufficient. `judge` turns an assessment into a verdict;
`planner` chooses the next measurement by it (docs/design.md#4-verdicts).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import structs

from talkpath.apps.contract.shape import AffectedDirections
from talkpath.measure.facts import ArmPlan, Epoch, Facts
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.assessment import (
    MATTERS_DELAY_MS,
    MATTERS_LOSS,
    Assessment,
    calls_fail,
    extra_delays,
    log_threshold,
    mean_loss,
    proven_without_delay,
)
from talkpath.verdict.flows.arm_view import ArmView, arm_view
from talkpath.verdict.model import Reason, State
from talkpath.verdict.rules import residual, rules_of
from talkpath.verdict.rules.best import Candidate
from talkpath.verdict.rules.other_hosts import other_hosts
from talkpath.verdict.rules.rule import Rule
from talkpath.verdict.statistics.cohort import DIRECTIONS
from talkpath.verdict.statistics.strength import Strength, arm_strength, twin_worse_log_e
from talkpath.verdict.unaccused import LOST_SHARE, assess_without_finding, browser_cannot_compare
from talkpath.verdict.validity import LATE_VOIDS_DELAY_MS, late_for_delays, late_ms, why_voided

FAILED_HANDSHAKES = ("silent", "reset", "closed", "stalled", "failed", "not_tls", "other_key")
"""Outcomes of the control channel where something answers at its port, and no TLS handshake with the test server
completes: more than no answer, and nothing on calls."""


class _MemoKey:
    """The facts, compared without epochs (which are known by identity) and without what may still be spent."""

    def __init__(self, facts: Facts) -> None:
        plan = structs.replace(facts.plan, budget_s=0.0, long_s=0.0)
        self.facts, self._key = facts, structs.replace(facts, epochs=(), plan=plan)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _MemoKey) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


def assess_arm(facts: Facts, planned: ArmPlan) -> Assessment:
    """The assessment of one arm of the plan."""
    return _assess_epochs(facts.epochs, _MemoKey(facts), planned)


@remember_result
def _assess_epochs(epochs: tuple[Epoch, ...], key: _MemoKey, planned: ArmPlan) -> Assessment:
    facts = key.facts
    view = arm_view(facts, planned.arm)
    void = why_voided(facts)
    if void is not None:
        return Assessment(planned, view, "insufficient", is_final=True, reason=void)
    if facts.reach.control != "connected" and not facts.epochs:
        return _without_server(facts, planned, view)
    if not view.accusing:
        return _without_calls(facts, planned, view)
    limit = log_threshold(facts)
    proof = _strength_of_epochs(view.epochs, limit)
    if not proven_without_delay(proof, limit) and _twin_worse(view.epochs) >= limit:
        return Assessment(planned, view, "insufficient", is_final=True, reason=Reason("twin_worse"), strength=proof)
    if is_accused(facts, proof, limit) and not _voids_calls(view):
        restricted = _restricted_assessment(view, planned, proof)
        if restricted is not None:
            return restricted
    closed = _strongest_rule(view)
    if closed is not None and closed.fit.gain >= limit:
        begins_it = closed.rule is residual.RULE and residual.explain_calls(view) and residual.own_log_e(view) >= limit
        own = _restricted_assessment(view, planned, proof) if begins_it else None
        if own is not None:
            return own
        return Assessment(planned, view, "closed", is_final=True, strength=proof, closed=closed)
    if proof.known_at_s is not None and not is_accused(facts, proof, limit):
        return Assessment(planned, view, "insufficient", reason=late_for_delays(facts), strength=proof)
    return assess_without_finding(facts, planned, view, proof, suspected=closed)


def is_accused(facts: Facts, proof: Strength, limit: float) -> bool:
    """Whether the e-value reached the threshold; where packets left too late, without the tests of delay."""
    if proof.known_at_s is None:
        return False
    if late_ms(facts) <= LATE_VOIDS_DELAY_MS:
        return True
    return proven_without_delay(proof, limit)


@remember_result
def _strength_of_epochs(epochs: tuple[Epoch, ...], limit: float) -> Strength:
    return arm_strength(epochs, limit)


@remember_result
def _twin_worse(epochs: tuple[Epoch, ...]) -> float:
    return twin_worse_log_e(epochs)


def _without_server(facts: Facts, planned: ArmPlan, view: ArmView) -> Assessment:
    """No control channel was opened: what is said rests on how far the attempts came, and on other hosts."""
    control, others = facts.reach.control, other_hosts(facts)
    state: State = "insufficient"
    reason: Reason | None
    found = next(_fitting_rule(view, rules_of("unreachable")), None)
    if control in FAILED_HANDSHAKES:
        reason = Reason("handshake", {"outcome": control})
    elif control == "offline" or (others.were_asked and not others.have_answered):
        asked = {"asked": len(others.silent | others.replaced)} if others.were_asked else {}
        reason = Reason("portal" if others.replaced else "offline", asked)
    elif control == "refused":
        state, reason = "unreachable", Reason("server_off")
    else:
        state = "unreachable"
        reason = Reason("server_alone") if others.have_answered and found is None else None
    return Assessment(planned, view, state, is_final=True, reason=reason, closed=found)


def _without_calls(facts: Facts, planned: ArmPlan, view: ArmView) -> Assessment:
    if facts.health.ended in LOST_SHARE or facts.reach.control != "connected":
        return Assessment(planned, view, "insufficient", is_final=True, reason=Reason("responder_lost"))
    if browser_cannot_compare(view):
        return Assessment(planned, view, "insufficient", is_final=True, reason=Reason("no_control"))
    return Assessment(planned, view, "insufficient", reason=Reason("budget", {"epochs": 0}))


def _restricted_assessment(view: ArmView, planned: ArmPlan, proof: Strength) -> Assessment | None:
    """Restricted, where the effect matters: by the intervals that the verdict publishes."""
    directions: tuple[AffectedDirections, ...] = (*DIRECTIONS, "both")
    losses = (
        mean_loss(view.accusing, direction, view.facts.seed) for direction in directions
    )  # dear, so only those that are needed
    matters = (
        calls_fail(proof)
        or any((interval.low or 0.0) >= MATTERS_LOSS for interval in losses)
        or any((interval.low or 0.0) >= MATTERS_DELAY_MS for interval in extra_delays(view.accusing).values())
    )
    if not matters:
        return None
    return Assessment(planned, view, "restricted", is_final=True, strength=proof)


def _strongest_rule(view: ArmView) -> Candidate | None:
    """The rule with the strongest contrast, proven or only suspected."""
    return max(_fitting_rule(view, rules_of("closed")), key=lambda candidate: candidate.fit.gain, default=None)


def _fitting_rule(view: ArmView, rules: Iterable[Rule]) -> Iterator[Candidate]:
    fits = ((rule, rule.explain(view)) for rule in rules)
    return (Candidate(rule, fit) for rule, fit in fits if fit is not None)


def _voids_calls(view: ArmView) -> bool:
    """Whether the rule with the strongest contrast is one under which twins end like calls. The others are fitted only
    where such a rule fits."""
    voiding = _fitting_rule(view, (rule for rule in rules_of("closed") if rule.voids))
    return any(voiding) and (closed := _strongest_rule(view)) is not None and closed.rule.voids
