"""Decides what is said of an arm that nothing accuses: impaired, ok, or insufficient.

`ok` has conditions of its own, and so has `impaired`; everything else is `insufficient`, with its reason.
"""

from __future__ import annotations

from dataclasses import replace
from math import log

from talkpath.apps.contract.shape import Direction
from talkpath.measure.facts import ArmPlan, Facts
from talkpath.measure.quality import TALKABLE_MOS
from talkpath.verdict.assessment import (
    COUNTS_LOG_E,
    HINT_LOG_E,
    MATTERS_DELAY_MS,
    MATTERS_LOSS,
    Assessment,
    calls_fail,
    extra_delays,
    most_extra_losses,
)
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.call_quality import CallQuality, best_mos, call_quality
from talkpath.verdict.flows.flow_spread import flows_differ
from talkpath.verdict.flows.long_calls import Divergence, find_divergence, neighbours_of, watched_s
from talkpath.verdict.flows.outcomes import calls_of, cut_short, flow_outcomes, without_ends, without_failed
from talkpath.verdict.flows.self_congestion import alone_epochs, has_queued, is_relieved, lightest_epochs
from talkpath.verdict.model import Reason
from talkpath.verdict.rules.best import Candidate
from talkpath.verdict.rules.whole_network import NEARLY_ALL_FLOWS
from talkpath.verdict.statistics.canary import canary_log_e
from talkpath.verdict.statistics.cohort import may_accuse
from talkpath.verdict.statistics.interval import Interval
from talkpath.verdict.statistics.strength import Strength
from talkpath.wire.control.question import COMPARING

OK_LOSS = 0.05  # ok: less extra loss than that, each way
CANARY_LOG_E = log(20.0)
MANY_FAIL = 0.2  # of the calls, never established: too many for `ok`
MIN_POOR_EPOCHS = 3  # one bad second does not make a line impaired
GENTLE_ARMS = 4  # of more arms none would get enough gentle epochs in the time
LOST_SHARE = ("responder_lost", "network_lost")
UNCOMPARED_REASONS = (
    "throttled",
    "untried",
    "unphased",
    "unlike",
    "no_control",
)  # why a browser's epoch compares nothing


def assess_without_finding(
    facts: Facts, planned: ArmPlan, view: ArmView, proof: Strength, *, suspected: Candidate | None
) -> Assessment:
    """Assess an arm that nothing accuses. `suspected`: a rule that would close the network, not proven."""
    fail, quality = calls_fail(proof), call_quality(lightest_epochs(view.accusing))
    hint = fail or proof.log_e >= HINT_LOG_E
    diverged = find_divergence(view)
    undecided = Assessment(planned, view, "insufficient", strength=proof, quality=quality, hint=hint, diverged=diverged)
    if suspected or next_to_nothing_arrives(view):
        return replace(undecided, reason=_missing_evidence(facts, view), suspected=suspected)
    if view.gentle:
        return replace(undecided, reason=_missing_evidence(facts, view) if hint else _own_load(facts))
    if not hint and _too_poor(facts, quality):
        return _if_line_poor(undecided)
    losses, delays = most_extra_losses(view.accusing, facts.seed), extra_delays(view.accusing)
    little_loss = all(interval.high is not None and interval.high < OK_LOSS for interval in losses.values())
    little_delay = all((interval.estimate or 0.0) < MATTERS_DELAY_MS for interval in delays.values())
    worse = proof.known_at_s is not None or proof.log_e >= COUNTS_LOG_E
    if (worse and _may_matter(view, losses)) or not (little_loss and little_delay and not fail):
        return replace(undecided, reason=_missing_evidence(facts, view), compared=True)
    undecided = replace(undecided, quality=quality.of_the_line(), compared=True)
    if quality.line_mos < TALKABLE_MOS:
        return replace(undecided, reason=_missing_evidence(facts, view)) if hint else _if_line_poor(undecided)
    if _many_fail(view, "call"):
        alike = _many_fail(view, "random")
        return replace(undecided, reason=Reason("whole_flows") if alike else _missing_evidence(facts, view))
    if _lack_setup_packets(view):
        return replace(undecided, reason=_missing_evidence(facts, view))
    if canary_log_e(facts.epochs) < CANARY_LOG_E:
        reason = _missing_evidence(facts, view) if facts.health.ended in LOST_SHARE else Reason("canary")
        return replace(undecided, reason=reason)
    return _if_ok(facts, replace(undecided, is_final=not hint))


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
    every = tuple(epoch for epoch in facts.epochs if may_accuse(epoch) and not epoch.missing)
    return min(quality.best_mos, best_mos(lightest_epochs(every))) < TALKABLE_MOS


def _own_load(facts: Facts) -> Reason:
    """`apps`: how many were checked; of one alone there is nothing to leave out."""
    return Reason("own_load", {"apps": len({arm.app for arm in facts.plan.arms})})


def _if_line_poor(undecided: Assessment) -> Assessment:
    """Impaired, unless it is only the flows that failed as a whole that make the line poor; or the check's own flows:
    one call alone was well, or packets queued while many were under way and none alone was tried."""
    view = undecided.view
    alone = alone_epochs(view)
    if alone and call_quality(alone).mos >= TALKABLE_MOS:
        return replace(undecided, is_final=len(view.facts.plan.arms) > GENTLE_ARMS, reason=_own_load(view.facts))
    epochs = tuple(map(without_failed, view.accusing))
    failed = any(len(kept.flows) < len(every.flows) for kept, every in zip(epochs, view.accusing, strict=True))
    if cut_short(view.every_epoch):
        epochs = tuple(map(without_ends, epochs))
    inside = call_quality(lightest_epochs(epochs))
    lost = (loss.estimate for side in (inside.calls, inside.twins) for loss in side.values() if loss is not None)
    if failed and (inside.line_mos >= TALKABLE_MOS or not any(lost)):
        return replace(undecided, reason=Reason("whole_flows"))
    enough = len(view.accusing) >= MIN_POOR_EPOCHS and is_relieved(view.accusing, view.facts.epochs)
    return _impaired_unless_queued(replace(undecided, is_final=enough))


def _impaired_unless_queued(undecided: Assessment) -> Assessment:
    """Impaired, unless packets waited in a queue that the check's own flows may have filled, and no call alone was
    tried."""
    view = undecided.view
    if view.facts.plan.long_s and not alone_epochs(view) and has_queued(view.facts.epochs):
        return replace(undecided, alone_untried=True, reason=_missing_evidence(view.facts, view))
    return replace(undecided, state="impaired")


def _if_ok(facts: Facts, undecided: Assessment) -> Assessment:
    """Ok where the arm's calls were watched for as long as the plan wants, and did not part from twins meanwhile, or
    few did, as 5-tuples that differ make them or the calls of all arms show.
    Impaired where one could hardly talk in the call that lived so long, nor beside it, and 5-tuples fare alike: a line
    that polices every flow lets the first bytes of each pass, so that short calls are well. Where one could hardly talk
    in such calls of the arm at any of several times, others beside them make it no better, unless 5-tuples differ."""
    diverged, seconds = undecided.diverged, watched_s(undecided.view)
    if diverged is not None:
        return _in_doubt(facts, undecided, diverged)
    if seconds < facts.ok_s:
        return replace(undecided, reason=_why_briefly(facts, undecided.view, seconds))
    own, others = call_quality(undecided.view.long), call_quality(neighbours_of(undecided.view))
    if undecided.view.long and max(own.mos, others.best_mos) < TALKABLE_MOS and not flows_differ(facts.epochs):
        quality = own._replace(twins=others.twins, line_mos=own.mos)
        return _impaired_unless_queued(replace(undecided, quality=quality))
    each = [call_quality((epoch,)).mos for epoch in undecided.view.long]
    if len(each) > 1 and max(each) < TALKABLE_MOS and not flows_differ(facts.epochs):
        return replace(undecided, reason=_missing_evidence(facts, undecided.view))
    rare = find_divergence(undecided.view, beside_all=True)
    if rare is not None and not flows_differ(facts.epochs):
        return _in_doubt(facts, undecided, rare)
    return replace(undecided, state="ok")


def _in_doubt(facts: Facts, undecided: Assessment, diverged: Divergence) -> Assessment:
    seen = Reason("call_ended" if diverged.ended else "call_worse", {"seconds": round(diverged.at_s, 1)})
    stopped = not diverged.ended and facts.health.ended in (*LOST_SHARE, "interrupted")
    reason = _missing_evidence(facts, undecided.view) if stopped else seen
    return replace(undecided, is_final=False, diverged=diverged, reason=reason)


def _why_briefly(facts: Facts, view: ArmView, seconds: float) -> Reason:
    """Why an arm's calls were not watched for as long as `ok` takes. Calls that ended together with their twins were
    not given more time by them: they had failed (`ended`)."""
    if facts.health.ended in LOST_SHARE:
        return _missing_evidence(facts, view)
    ended = any(call.up.silent or call.down.silent for epoch in view.long for call in calls_of(epoch))
    values = {"seconds": round(seconds, 1)} | ({"ended": True} if ended else {})
    return Reason("watched_briefly", values | ({"stopped": True} if facts.health.ended == "interrupted" else {}))


def _many_fail(view: ArmView, role: str) -> bool:
    """Whether so many flows of that role never came about that people would not call the line well."""
    flows = [flow for epoch in view.accusing for flow in flow_outcomes(epoch) if flow.role == role]
    return sum(flow.dead for flow in flows) >= MANY_FAIL * len(flows) > 0


def _lack_setup_packets(view: ArmView) -> bool:
    """Whether many calls miss a set-up packet that was sent again and never came. What we play goes on without it; a
    real call would wait for it, be it a filter or a line without room for it that loses it."""
    calls = [flow.lacks_setup for epoch in view.accusing for flow in flow_outcomes(epoch) if flow.role == "call"]
    return sum(calls) >= MANY_FAIL * len(calls) > 0


def next_to_nothing_arrives(view: ArmView) -> bool:
    """Whether next to nothing of calls and twins arrived."""
    flows = [flow for epoch in view.epochs if isinstance(epoch.question, COMPARING) for flow in flow_outcomes(epoch)]
    return sum(flow.dead for flow in flows) >= NEARLY_ALL_FLOWS * len(flows)


def _missing_evidence(facts: Facts, view: ArmView) -> Reason:
    if facts.health.ended in LOST_SHARE:
        return Reason("responder_lost", {"ended": facts.health.ended})
    if browser_cannot_compare(view):
        return Reason("no_control")
    return Reason("budget", {"ended": facts.health.ended})


def browser_cannot_compare(view: ArmView) -> bool:
    """Whether the browser could not compare this arm: it held twins or calls back, or could not time or size calls, or
    its twins were cut off with the calls' own set-up. What happened to another medium says nothing of it."""
    return any(epoch.missing in UNCOMPARED_REASONS for epoch in view.epochs)
