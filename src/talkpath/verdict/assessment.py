"""Decides the state of one arm (ok, restricted, closed, impaired, unreachable, insufficient) from its evidence.

The most basic checks come first: what voids the run, then what voids the comparison (twins worse than calls), then the
only accusation (an e-value of at least m/alpha, and an effect that matters), then what hits calls and twins alike
(closed, impaired). `ok` has conditions of its own, and everything else is `insufficient`. `judge` turns an assessment
into a verdict; `planner` chooses the next measurement by it (docs/design.md#4-verdicts).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import log

import numpy as np
from msgspec import structs

from talkpath.apps.contract.shape import AffectedDirections, Arm, Direction
from talkpath.measure.facts import ArmPlan, Epoch, Facts
from talkpath.measure.quality import TALKABLE_MOS
from talkpath.verdict.flows.arm_view import EXPLAINED, ArmView, arm_view
from talkpath.verdict.flows.call_quality import CallQuality, best_mos, call_quality
from talkpath.verdict.flows.long_calls import Parting, beside, fare_unlike, parting, watched_s
from talkpath.verdict.flows.outcomes import calls_of, cut_short, flow_outcomes, without_ends, without_failed
from talkpath.verdict.flows.self_congestion import lightest, relieved
from talkpath.verdict.memo import per_epochs
from talkpath.verdict.model import Reason, State
from talkpath.verdict.rules import residual, rules_of
from talkpath.verdict.rules.best import Candidate, Explanation, explain_arm, explain_own
from talkpath.verdict.rules.rule import Rule
from talkpath.verdict.rules.whole_network import MOST
from talkpath.verdict.statistics.canary import canary_log_e
from talkpath.verdict.statistics.cohort import DIRECTIONS, accuses
from talkpath.verdict.statistics.interval import Interval, extra_delay_ms, most_extra_loss, overall_loss
from talkpath.verdict.statistics.permutation import log_mean
from talkpath.verdict.statistics.strength import Strength, strength
from talkpath.verdict.statistics.twins import twin_worse_log_e
from talkpath.verdict.validity import LATE_VOIDS_DELAY_MS, late_for_delays, late_ms, voided

MATTERS_LOSS = 0.01  # restricted: at least so much extra loss
MATTERS_DELAY_MS = 50.0  # or so much extra delay
OK_LOSS = 0.05  # ok: less extra loss than that, each way
CANARY_LOG_E = log(20.0)
COUNTS_LOG_E = log(20.0)  # from here on failed set-ups, cut-off calls and extra loss matter, and exclude `ok`
HINT_LOG_E = log(5.0)  # from here on more epochs are worth measuring
MANY_FAIL = 0.2  # of the calls, never established: too many for `ok`
POOR_EPOCHS = 3  # one bad second does not make a line impaired
LOST = ("responder_lost", "network_lost")
NO_HANDSHAKE = ("silent", "reset", "closed", "stalled", "failed", "not_tls", "other_key")
"""Outcomes of the control channel where something answers at its port, and no TLS handshake with the test server
completes: more than no answer, and nothing on calls."""
UNCOMPARED = ("throttled", "untried", "unphased", "unlike", "no_control")  # why a browser's epoch compares nothing


@dataclass(frozen=True, slots=True)
class Assessment:
    """The state of one arm and what it rests on. `settled`: more epochs of the baseline question would not change it.
    `closed` and `suspected`: the rule that closes the network (or says why nothing answers), proven or not yet.
    `compared`: calls are not accused, and how they differ from their twins is worth telling. `hint`: something is amiss
    that is not proven. `parted`: where calls that lived through the check parted from twins, which proves nothing.
    `quality`: of an arm that nothing accuses; whoever tells of another rates its calls then."""

    planned: ArmPlan
    view: ArmView
    state: State
    settled: bool = False
    reason: Reason | None = None
    strength: Strength | None = None
    closed: Candidate | None = None
    suspected: Candidate | None = None
    compared: bool = False
    quality: CallQuality | None = None
    hint: bool = False
    parted: Parting | None = None

    @property
    def arm(self) -> Arm:
        """The arm that was assessed."""
        return self.planned.arm

    @property
    def explanation(self) -> Explanation | None:
        """What explains a restricted arm; None for any other. Costs more than all the rest, so it is computed on
        demand."""
        return explain_arm(self.view) if self.state == "restricted" else None

    @property
    def own_explanation(self) -> Explanation | None:
        """The same without the rules of other arms, which cost as much again."""
        return explain_own(self.view) if self.state == "restricted" else None

    @property
    def extra_loss(self) -> dict[Direction, Interval]:
        """The extra loss in each direction, where calls were `compared` with their twins. Computed on demand."""
        epochs, seed = self.view.accusing, self.view.facts.seed
        if self.state == "restricted":
            return {way: mean_loss(epochs, way, seed) for way in DIRECTIONS}
        return most_extra_losses(epochs, seed) if self.compared else {}

    @property
    def extra_loss_both_ways(self) -> Interval | None:
        """The extra loss over both directions together, of a restricted arm."""
        restricted = self.state == "restricted"
        return mean_loss(self.view.accusing, "both", self.view.facts.seed) if restricted else None


def log_threshold(facts: Facts) -> float:
    """ln(m/alpha): what an e-value must reach, over all m arms of the check together."""
    return log(max(1, len(facts.plan.arms)) / facts.plan.alpha)


class _MemoKey:
    """The facts, compared without epochs (which the memo knows by identity) and without what may still be spent."""

    def __init__(self, facts: Facts) -> None:
        plan = structs.replace(facts.plan, budget_s=0.0, long_s=0.0)
        self.facts, self._key = facts, structs.replace(facts, epochs=(), plan=plan)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _MemoKey) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


def assess(facts: Facts, planned: ArmPlan) -> Assessment:
    """The assessment of one arm of the plan."""
    return _assess(facts.epochs, _MemoKey(facts), planned)


@per_epochs
def _assess(epochs: tuple[Epoch, ...], key: _MemoKey, planned: ArmPlan) -> Assessment:
    facts = key.facts
    view = arm_view(facts, planned.arm)
    void = voided(facts)
    if void is not None:
        return Assessment(planned, view, "insufficient", settled=True, reason=void)
    if facts.reach.control in NO_HANDSHAKE and not facts.epochs:
        reason = Reason("handshake", {"outcome": facts.reach.control})
        return Assessment(planned, view, "insufficient", settled=True, reason=reason)
    if facts.reach.control != "connected" and not facts.epochs:
        return Assessment(planned, view, "unreachable", settled=True, closed=_first_rule(view, "unreachable"))
    if not view.accusing:
        return _without_calls(facts, planned, view)
    limit = log_threshold(facts)
    proof = _strength(view.epochs, limit)
    if not proven_without_delay(proof, limit) and _twin_worse(view.epochs) >= limit:
        reason = Reason("twin_worse")
        return Assessment(planned, view, "insufficient", settled=True, reason=reason, strength=proof)
    if accused(facts, proof, limit) and not _voids(view):
        restricted = _restricted(view, planned, proof)
        if restricted is not None:
            return restricted
    closed = _closed(view)
    if closed is not None and closed.fit.gain >= limit:
        own = _restricted(view, planned, proof) if _begins_it(view, closed, limit) else None
        if own is not None:
            return own
        return Assessment(planned, view, "closed", settled=True, strength=proof, closed=closed)
    if proof.known_at_s is not None and not accused(facts, proof, limit):
        reason = late_for_delays(facts)
        return Assessment(planned, view, "insufficient", reason=reason, strength=proof)
    return _unaccused(facts, planned, view, proof, suspected=closed)


def accused(facts: Facts, proof: Strength, limit: float) -> bool:
    """Whether the e-value reached the threshold; where packets left too late, without the tests of delay."""
    if proof.known_at_s is None:
        return False
    if late_ms(facts) <= LATE_VOIDS_DELAY_MS:
        return True
    return proven_without_delay(proof, limit)


def proven_without_delay(proof: Strength, limit: float) -> bool:
    """Whether the e-value reaches the threshold without the tests of delay. Those say nothing where packets left late;
    and where calls are cut off, twins that go on meet another background, and may be later because of it."""
    parts = [part for part in proof.parts if part.name != "delay"]
    log_e = log_mean(np.array([part.log_e for part in parts]), np.log([part.weight for part in parts]))
    return float(log_e) >= limit


@per_epochs
def _strength(epochs: tuple[Epoch, ...], limit: float) -> Strength:
    return strength(epochs, limit)


@per_epochs
def _twin_worse(epochs: tuple[Epoch, ...]) -> float:
    return twin_worse_log_e(epochs)


@per_epochs
def most_extra_losses(epochs: tuple[Epoch, ...], seed: bytes) -> dict[Direction, Interval]:
    """The most extra loss in each direction over the given epochs, for an arm that nothing accuses."""
    return {way: most_extra_loss(epochs, way, seed=seed) for way in DIRECTIONS}


@per_epochs
def mean_loss(epochs: tuple[Epoch, ...], way: AffectedDirections, seed: bytes) -> Interval:
    """The mean extra loss in that direction, or of both together, where it may depend on how long calls are."""
    return overall_loss(epochs, way, seed=seed)


@per_epochs
def extra_delays(epochs: tuple[Epoch, ...]) -> dict[Direction, Interval]:
    """The extra delay in each direction over the given epochs, in ms."""
    return {way: extra_delay_ms(epochs, way) for way in DIRECTIONS}


def _first_rule(view: ArmView, state: State) -> Candidate | None:
    return next(_fitting(view, rules_of(state)), None)


def _without_calls(facts: Facts, planned: ArmPlan, view: ArmView) -> Assessment:
    if facts.health.ended in LOST or facts.reach.control != "connected":
        return Assessment(planned, view, "insufficient", settled=True, reason=Reason("responder_lost"))
    if _uncompared(view):
        return Assessment(planned, view, "insufficient", settled=True, reason=Reason("no_control"))
    return Assessment(planned, view, "insufficient", reason=Reason("budget", {"epochs": 0}))


def _restricted(view: ArmView, planned: ArmPlan, proof: Strength) -> Assessment | None:
    """Restricted, where the effect matters: by the intervals that the verdict publishes."""
    ways: tuple[AffectedDirections, ...] = (*DIRECTIONS, "both")
    losses = (mean_loss(view.accusing, way, view.facts.seed) for way in ways)  # dear, so only those that are needed
    matters = (
        calls_fail(proof)
        or any((interval.low or 0.0) >= MATTERS_LOSS for interval in losses)
        or any((interval.low or 0.0) >= MATTERS_DELAY_MS for interval in extra_delays(view.accusing).values())
    )
    if not matters:
        return None
    return Assessment(planned, view, "restricted", settled=True, strength=proof)


def _begins_it(view: ArmView, closed: Candidate, limit: float) -> bool:
    """Whether ports are blocked after calls, and the arm's own calls are proven to begin it."""
    return (
        closed.rule is residual.RULE and residual.explain_calls(view) is not None and residual.own_log_e(view) >= limit
    )


def calls_fail(proof: Strength) -> bool:
    """Whether set-ups of calls fail, or calls are cut off, more than their twins."""
    return any(part.log_e >= COUNTS_LOG_E for part in proof.parts if part.name in ("setup", "kill"))


def _closed(view: ArmView) -> Candidate | None:
    """The rule with the strongest contrast, proven or only suspected."""
    return max(_fitting(view, rules_of("closed")), key=lambda candidate: candidate.fit.gain, default=None)


def _fitting(view: ArmView, rules: Iterable[Rule]) -> Iterator[Candidate]:
    fits = ((rule, rule.explain(view)) for rule in rules)
    return (Candidate(rule, fit) for rule, fit in fits if fit is not None)


def _voids(view: ArmView) -> bool:
    """Whether the rule with the strongest contrast is one under which twins end like calls. The others are fitted only
    where such a rule fits."""
    voiding = _fitting(view, (rule for rule in rules_of("closed") if rule.voids))
    return any(voiding) and (closed := _closed(view)) is not None and closed.rule.voids


def _unaccused(
    facts: Facts, planned: ArmPlan, view: ArmView, proof: Strength, *, suspected: Candidate | None
) -> Assessment:
    """Impaired, ok, or insufficient."""
    fail, quality = calls_fail(proof), call_quality(lightest(view.accusing))
    hint = fail or proof.log_e >= HINT_LOG_E
    parted = parting(view)
    undecided = Assessment(planned, view, "insufficient", strength=proof, quality=quality, hint=hint, parted=parted)
    if suspected or unheard(view):
        return replace(undecided, reason=_missing_evidence(facts, view), suspected=suspected)
    if not hint and _too_poor(facts, quality):
        return _poor(undecided)
    losses, delays = most_extra_losses(view.accusing, facts.seed), extra_delays(view.accusing)
    little_loss = all(interval.high is not None and interval.high < OK_LOSS for interval in losses.values())
    little_delay = all((interval.estimate or 0.0) < MATTERS_DELAY_MS for interval in delays.values())
    worse = proof.known_at_s is not None or proof.log_e >= COUNTS_LOG_E
    if (worse and _may_matter(view, losses)) or not (little_loss and little_delay and not fail):
        return replace(undecided, reason=_missing_evidence(facts, view), compared=True)
    undecided = replace(undecided, quality=quality.of_the_line(), compared=True)
    if quality.line_mos < TALKABLE_MOS:
        return replace(undecided, reason=_missing_evidence(facts, view)) if hint else _poor(undecided)
    if _many_fail(view, "call"):
        alike = _many_fail(view, "random")
        return replace(undecided, reason=Reason("whole_flows") if alike else _missing_evidence(facts, view))
    if canary_log_e(facts.epochs) < CANARY_LOG_E:
        reason = _missing_evidence(facts, view) if facts.health.ended in LOST else Reason("canary")
        return replace(undecided, reason=reason)
    return _ok(facts, replace(undecided, settled=not hint))


def _may_matter(view: ArmView, losses: dict[Direction, Interval]) -> bool:
    """Whether calls may lose so much more that it matters: over all epochs, or over the later half of them, where a
    rule has begun meanwhile."""
    later = most_extra_losses(view.accusing[len(view.accusing) // 2 :], view.facts.seed)
    return any((each.high or 0.0) >= MATTERS_LOSS for each in (*losses.values(), *later.values()))


def _too_poor(facts: Facts, quality: CallQuality) -> bool:
    """Whether control traffic, of the arm or of all arms, is too poor for a conversation even at the better end of its
    bounds, and the arm's calls and control traffic are no better."""
    if max(quality.mos, quality.line_mos) >= TALKABLE_MOS:
        return False
    every = tuple(epoch for epoch in facts.epochs if accuses(epoch) and not epoch.missing)
    return min(quality.best_mos, best_mos(lightest(every))) < TALKABLE_MOS


def _poor(undecided: Assessment) -> Assessment:
    """Impaired, unless it is only the flows that failed as a whole that make the line poor."""
    view = undecided.view
    epochs = tuple(map(without_failed, view.accusing))
    if cut_short(view.every_epoch):
        epochs = tuple(map(without_ends, epochs))
    inside = call_quality(lightest(epochs))
    lost = (loss.estimate for side in (inside.calls, inside.twins) for loss in side.values() if loss is not None)
    if inside.line_mos >= TALKABLE_MOS or not any(lost):
        return replace(undecided, reason=Reason("whole_flows"))
    enough = len(view.accusing) >= POOR_EPOCHS and relieved(view.accusing, view.facts.epochs)
    return replace(undecided, state="impaired", settled=enough)


def _ok(facts: Facts, undecided: Assessment) -> Assessment:
    """Ok where the arm's calls were watched for as long as the plan wants, and did not part from twins meanwhile.
    Impaired where one could hardly talk in the call that lived so long, nor beside it, and 5-tuples fare alike: a line
    that polices every flow lets the first bytes of each pass, so that short calls are well."""
    parted, seconds = undecided.parted, watched_s(undecided.view)
    if parted is not None:
        return replace(undecided, settled=False, reason=_parted(facts, undecided.view, parted))
    if seconds < facts.plan.ok_s:
        return replace(undecided, reason=_why_briefly(facts, undecided.view, seconds))
    own, others = call_quality(undecided.view.long), call_quality(beside(undecided.view))
    poor = undecided.view.long and max(own.mos, others.best_mos) < TALKABLE_MOS
    if poor and not fare_unlike(facts.epochs):
        quality = own._replace(twins=others.twins, line_mos=own.mos)
        return replace(undecided, state="impaired", quality=quality)
    return replace(undecided, state="ok")


def _why_briefly(facts: Facts, view: ArmView, seconds: float) -> Reason:
    """Why an arm's calls were not watched for as long as `ok` takes. Calls that ended together with their twins were
    not given more time by them: they had failed (`ended`)."""
    if facts.health.ended in LOST:
        return _missing_evidence(facts, view)
    ended = any(call.up.silent or call.down.silent for epoch in view.long for call in calls_of(epoch))
    values = {"seconds": round(seconds, 1)}
    return Reason("watched_briefly", values | {"ended": True} if ended else values)


def _many_fail(view: ArmView, role: str) -> bool:
    """Whether so many flows of that role never came about that people would not call the line well."""
    flows = [flow for epoch in view.accusing for flow in flow_outcomes(epoch) if flow.role == role]
    return sum(flow.dead for flow in flows) >= MANY_FAIL * len(flows) > 0


def _parted(facts: Facts, view: ArmView, parted: Parting) -> Reason:
    """Why calls that parted from twins keep an arm from being ok."""
    if parted.ended:
        return Reason("call_ended", {"seconds": round(parted.at_s, 1)})
    return _missing_evidence(facts, view)


def unheard(view: ArmView) -> bool:
    """Whether next to nothing of calls and twins arrived."""
    flows = [flow for epoch in view.epochs if epoch.question in EXPLAINED for flow in flow_outcomes(epoch)]
    return sum(flow.dead for flow in flows) >= MOST * len(flows)


def _missing_evidence(facts: Facts, view: ArmView) -> Reason:
    if facts.health.ended in LOST:
        return Reason("responder_lost", {"ended": facts.health.ended})
    if _uncompared(view):
        return Reason("no_control")
    return Reason("budget", {"ended": facts.health.ended})


def _uncompared(view: ArmView) -> bool:
    """Whether the browser could not compare this arm: it held twins or calls back, or could not time or size calls, or
    its twins were cut off with the calls' own set-up. What happened to another medium says nothing of it."""
    return any(epoch.missing in UNCOMPARED for epoch in view.epochs)
