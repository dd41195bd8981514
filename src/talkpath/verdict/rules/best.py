"""Chooses the rule that explains an accused arm best, and the measurements that would separate it from its rivals.

A rule is named when no other explains the calls' losses and delays as well (`RULE_MARGIN_NATS`). Where others come
close, the contrasts that would separate them are wanted; if the rules still tie once those are measured, or none was,
the name is `media.unknown`. So it is where the best rule explains far less than losses by place in the call do,
whatever the rule.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from typing import NamedTuple

from talkpath.measure.facts import Epoch
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.flows.arm_view import ArmView, arm_view
from talkpath.verdict.flows.calls_left_out import CallOf, behind_cut_offs, ended_behind_cut_offs, left_out_calls
from talkpath.verdict.flows.rule_onset import RuleOnset, rule_onset
from talkpath.verdict.model import Number
from talkpath.verdict.rules import all_rules, flow_block, media_drop, media_size_drop, residual, rules_of
from talkpath.verdict.rules.by_place import gain_by_place, gain_by_time, times_in_force
from talkpath.verdict.rules.directions import directions_of
from talkpath.verdict.rules.rule import PARAMETER_PRICE_NATS, RULE_MARGIN_NATS, Fit, Rule
from talkpath.verdict.statistics.cohort import DIRECTIONS
from talkpath.wire.control.question import COMPARING, Question

MIN_RULE_NATS = 1.0  # a rule that explains less than this explains nothing
# of the best gain: no model of a middlebox is exact, so a rule that comes so close deserves a contrast
CLOSE_GAIN_SHARE = 0.03
MISFIT_NATS = 40.0  # a rule is not named where a model without a mechanism explains so much more
MISFIT = 0.05  # and so much of its gain: no model of a middlebox is exact
TWO_RULES_NATS = 12.0  # what a second rule must add: one rule for each direction is unlikely
TWO_RULES_SHARE = 0.1  # or so much of the best gain: a rule may fit badly one way, as where a token bucket restarts
UNKNOWN_RULE = "media.unknown"
DOUBTED_RULES = (UNKNOWN_RULE, "media.drop", "media.freeze")  # also fit a call all of whose packets exceed a size limit


class Candidate(NamedTuple):
    """A rule and how it explains the arm."""

    rule: Rule
    fit: Fit


class Explanation(NamedTuple):
    """The mechanism of one arm. `rule` is an id of the registry; `rivals` are all rules that come close, best first;
    the first `tied` of them explain equally well."""

    rule: str
    rivals: tuple[Candidate, ...]
    tied: int = 0

    @property
    def best(self) -> Fit | None:
        """The fit of the best rule, whether named or not."""
        return self.rivals[0].fit if self.rivals else None

    @property
    def alternatives(self) -> tuple[str, ...]:
        """The tied rules, where none is named."""
        return tuple(rival.rule.id for rival in self.rivals[: self.tied]) if self.rule == UNKNOWN_RULE else ()

    def wanted(self, *, doubted: bool = False) -> Iterator[tuple[Question, int]]:
        """Yield (contrast, patience) of the contrasts that would separate rivals, the most useful first, whether asked
        before or not. `doubted`: on such a line even a name without rivals is checked."""
        patience = max((rival.rule.patience for rival in self.rivals[:2]), default=1)
        for rival in self.rivals if doubted or len(self.rivals) > 1 else ():
            yield from ((contrast, patience) for contrast in rival.rule.contrasts)
        for rival in self.rivals[:1]:
            yield from ((contrast, 1) for contrast in rival.fit.sharpen)


def explain_arm(view: ArmView) -> Explanation:
    """Return the best explanation of the view's arm, given the other arms of the check."""
    own = explain_own(view)
    return explain_together(own, view) if own.rule in DOUBTED_RULES else own


def explain_own(view: ArmView) -> Explanation:
    """Return the same without the rules of other arms. Whether a port was blocked by an earlier call shows only in all
    arms together."""
    behind = residual.explain_calls(view)
    if behind is not None:
        return Explanation(residual.RULE.id, (Candidate(residual.RULE, behind),), 1)
    return explain_alone(view)


def explain_alone(view: ArmView) -> Explanation:
    """Return the best explanation of the view's arm by itself."""
    return _explain_epochs(view.epochs, _memo_key(view))


def _left_out(view: ArmView) -> frozenset[CallOf]:
    """Return the calls of the view that are no evidence of how calls fare."""
    numbers = {epoch.number for epoch in view.epochs}
    return frozenset(call for call in left_out_calls(view.every_epoch) if call[0] in numbers)


def explain_together(own: Explanation, view: ArmView) -> Explanation:
    """Break a tie with what other arms of the check showed beyond doubt: one rule for many arms is likelier than two.
    If others lost large packets, all packets of this arm may be large."""
    mine = {epoch.arm for epoch in view.epochs}
    views = [arm_view(view.facts, each.arm) for each in view.facts.plan.arms if each.arm not in mine]
    if own.rule != UNKNOWN_RULE:  # then only a size limit of another arm matters
        views = [other for other in views if _may_be_size_limit(other.epochs, _memo_key(other))]
    others = [explain_alone(other) for other in views]
    firm = {other.rule: other for other in others if other.rule != UNKNOWN_RULE and other.best is not None}
    tied = [rival for rival in own.rivals[: own.tied] if rival.rule.id in firm]
    if own.rule == UNKNOWN_RULE and len(tied) == 1:
        return Explanation(tied[0].rule.id, (tied[0], *(r for r in own.rivals if r is not tied[0])), 1)
    large = firm.get(media_size_drop.RULE.id)
    return _with_size_limit(own, large, view) if large is not None else own


def _with_size_limit(own: Explanation, large: Explanation, view: ArmView) -> Explanation:
    """Return the size limit that another arm showed, if it explains this arm as well."""
    over = large.best.measure()["over"] if large.best else None
    fit = media_size_drop.fit_with_limit(view, over) if isinstance(over, Number) else None
    top = own.best.gain if own.best else 0.0
    if fit is None or fit.gain < max(MIN_RULE_NATS, top - max(RULE_MARGIN_NATS, CLOSE_GAIN_SHARE * top)):
        return own
    return _unless_contradicted(Explanation(media_size_drop.RULE.id, (Candidate(media_size_drop.RULE, fit),), 1), view)


class _MemoKey:
    """The facts and the calls that live through the check, compared only by what an explanation depends on besides the
    epochs: the seed, the address family, the calls that are left out, and those to ports where earlier ones were cut
    off."""

    def __init__(self, view: ArmView, left_out: frozenset[CallOf]) -> None:
        self.facts, self.all_long, self.all_quiet, self.left_out = view.facts, view.all_long, view.all_quiet, left_out
        found = behind_cut_offs(view.every_epoch).get(view.epochs[0].arm) if view.epochs else None
        self._behind = found.calls if found else frozenset()

    def _key(self) -> tuple[bytes, int, frozenset[CallOf], frozenset[CallOf]]:
        return self.facts.seed, self.facts.family, self.left_out, self._behind

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _MemoKey) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())


def _memo_key(view: ArmView) -> _MemoKey:
    return _MemoKey(view, _left_out(view))


@remember_result
def _may_be_size_limit(epochs: tuple[Epoch, ...], key: _MemoKey) -> bool:
    """Whether a size limit can be what explains these epochs best, by what costs least to fit: loss at random explains
    them worse, in both directions or in one."""
    return any(map(_prefers_size_limit, _views_of_directions(epochs, key)))


def _prefers_size_limit(view: ArmView) -> bool:
    fit = _fit_rule(media_size_drop.RULE, view)
    rival = _fit_rule(media_drop.RULE, view) if fit is not None else None
    return fit is not None and (rival is None or rival.gain < max(MIN_RULE_NATS, fit.gain - RULE_MARGIN_NATS))


@remember_result
def _explain_epochs(epochs: tuple[Epoch, ...], key: _MemoKey) -> Explanation:
    whole, *single = _views_of_directions(epochs, key)
    onset = rule_onset(replace(whole, left_out=_ended_behind(whole)))
    late = _since_onset(epochs, onset, key) if onset is not None else None
    if late is not None:
        return late
    joint = best_fit(accusing_rules(), whole)
    apart = joint.best is not None and joint.best.direction == "both"
    return _unless_contradicted(_rule_for_each(joint, single) if apart else joint, whole)


def _unless_contradicted(found: Explanation, view: ArmView) -> Explanation:
    """Name no rule where losses by place in the call, whatever the rule, explain the directions in which it acts far
    better: then they do not follow that rule. Losses that the time of the check explains better are those of a rule
    that is in force now and then, and it has the name that fits while it is. Where time explains them as well, that
    must be the same name. What set-up loses says nothing against a rule about media: that is another one."""
    if found.best is None:
        return found
    acts, setup = replace(view, directions=directions_of(found.best.direction)), not loses_media(found.rule)
    times, places = gain_by_time(acts, setup=setup), gain_by_place(acts, setup=setup)
    if not _far_better(max(times, places), found):
        return found
    if places <= times + TWO_RULES_NATS:
        meanwhile = best_fit(accusing_rules(), replace(acts, in_force=times_in_force(acts)))
        same = times > places + TWO_RULES_NATS or meanwhile.rule == found.rule
        if same and not _far_better(times, meanwhile):
            return meanwhile
    return found._replace(rule=UNKNOWN_RULE, tied=0)


def _far_better(gain: float, found: Explanation) -> bool:
    """Whether a model without a mechanism gains far more than the best rule."""
    top = found.best.gain if found.best else 0.0
    return gain > top + max(MISFIT_NATS, MISFIT * gain)


def _since_onset(epochs: tuple[Epoch, ...], onset: RuleOnset, key: _MemoKey) -> Explanation | None:
    """Return what explains the epochs that began after the onset, if calls that fare as their twins before it and that
    rule since explain all of them far better than one rule for the whole check."""
    under_way = set(map(id, (e for e in epochs if isinstance(e.question, COMPARING)))) - set(
        map(id, onset.before + onset.since)
    )
    apart = tuple(epoch for epoch in epochs if id(epoch) not in under_way)
    throughout = best_fit(accusing_rules(), _views_of_directions(apart, key)[0])
    since = _views_of_directions(onset.since, key)[0]
    # that calls were established before the onset says nothing of those that were not since
    late = _explain_epochs(onset.since, _MemoKey(since, left_out_calls(since.epochs) | _ended_behind(since)))
    if late.best is None:
        return None
    top = throughout.best.gain if throughout.best else 0.0
    both = throughout.rule in (late.rule, flow_block.RULE.id)  # then what both explain alike makes no difference
    return (
        late
        if late.best.gain - PARAMETER_PRICE_NATS >= top + max(TWO_RULES_NATS, 0.0 if both else CLOSE_GAIN_SHARE * top)
        else None
    )


def _ended_behind(view: ArmView) -> frozenset[CallOf]:
    """Return the calls of the view that residual blocking ended."""
    numbers = {epoch.number for epoch in view.epochs}
    return frozenset(call for call in ended_behind_cut_offs(view.every_epoch) if call[0] in numbers)


@remember_result
def _views_of_directions(epochs: tuple[Epoch, ...], key: _MemoKey) -> tuple[ArmView, ...]:
    """Return the view of these epochs, and those of up and of down alone."""
    whole = ArmView(key.facts, epochs, all_long=key.all_long, all_quiet=key.all_quiet, left_out=key.left_out)
    return (whole, *(replace(whole, directions=(direction,)) for direction in DIRECTIONS))


@lru_cache(maxsize=256)
def _fit_rule(rule: Rule, view: ArmView) -> Fit | None:
    """Return how the rule explains the view. What several questions about a view need is fitted, and measured, once."""
    fit = rule.explain(view)
    return None if fit is None else replace(fit, measure=cache(fit.measure))


def _rule_for_each(joint: Explanation, views: Sequence[ArmView]) -> Explanation:
    """If one rule for each direction, of the `views` up and down, explains far better than one rule for both, return
    the explanation of the direction that suffers more. This applies only to rules that lose media: beside a delay or a
    failed set-up, lost media must still be explained."""
    top = joint.best.gain if joint.best else 0.0
    enough = top + max(TWO_RULES_NATS, TWO_RULES_SHARE * top)
    if sum(map(_gain_at_most, views)) < enough:
        return joint
    single = [best_fit(accusing_rules(), each) for each in views]
    gains = [explanation.best.gain if explanation.best else 0.0 for explanation in single]
    likely = [{rival.rule.id for rival in explanation.rivals[: explanation.tied]} for explanation in single]
    if likely[0] & likely[1] or not all(gains) or sum(gains) < enough:
        return joint
    if loses_media(joint.rule) and not all(map(loses_media, likely[0] | likely[1])):
        return joint
    return single[gains.index(max(gains))]


def _gain_at_most(view: ArmView) -> float:
    """Return an upper bound of the best gain. Rules that have a bound are not fitted for it."""
    bounds = [rule.at_most(view) for rule in accusing_rules() if rule.at_most is not None]
    best = best_fit((rule for rule in accusing_rules() if rule.at_most is None), view).best
    return max([0.0, *bounds] if best is None else [best.gain, *bounds])


def loses_media(rule: str) -> bool:
    """Whether the id is that of a rule that loses media packets."""
    return all_rules()[rule].loses_media


@cache
def accusing_rules() -> tuple[Rule, ...]:
    """Return the rules that may explain a restricted arm, those included that act on calls alone."""
    on_calls = (replace(rule, explain=rule.explain_calls) for rule in all_rules().values() if rule.explain_calls)
    return (*rules_of("restricted"), *on_calls)


def best_fit(among: Iterable[Rule], view: ArmView) -> Explanation:
    """Return the best explanation among these rules. A rule that is known to come less close than rivals do is not
    fitted. Rivals tie until a contrast that may tell them apart was asked."""
    cheap_first = sorted(among, key=lambda rule: rule.at_most is not None)
    found: list[Candidate] = []
    for rule in cheap_first:
        least = _least_of_rivals(max((c.fit.gain for c in found), default=0.0))
        fit = _fit_rule(rule, view) if rule.at_most is None or rule.at_most(view) >= least else None
        if fit is not None and fit.gain >= MIN_RULE_NATS:
            found.append(Candidate(rule, fit))
    if not found:
        return Explanation(UNKNOWN_RULE, ())
    found.sort(key=lambda c: (-c.fit.gain, c.rule.id))
    top = found[0].fit.gain
    rivals = tuple(c for c in found if c.fit.gain >= _least_of_rivals(top))
    contrasts = [contrast for c in rivals for contrast in c.rule.contrasts]
    untold = bool(contrasts) and not any(view.asked(contrast) for contrast in contrasts)
    tied = len(rivals) if untold else sum(c.fit.gain >= top - RULE_MARGIN_NATS for c in rivals)
    return Explanation(rivals[0].rule.id if tied == 1 else UNKNOWN_RULE, rivals, tied)


def _least_of_rivals(top: float) -> float:
    """Return the least gain of a rule that comes close to the best one."""
    return top - max(RULE_MARGIN_NATS, CLOSE_GAIN_SHARE * top)


def named_at_s(view: ArmView, since_s: float) -> float:
    """Return when the mechanism that is named now was first named, no earlier than `since_s`. It is looked for by
    halves, as if a name once found stayed: facts may hold very many epochs."""
    final = explain_arm(view).rule
    ordered = sorted(view.epochs, key=lambda epoch: (epoch.known_s, epoch.number))
    later = [count for count, epoch in enumerate(ordered, 1) if epoch.known_s >= since_s]

    def named(count: int) -> bool:
        return explain_arm(replace(view, epochs=tuple(ordered[:count]))).rule == final

    first = bisect_left(later[:-1], True, key=named)
    return ordered[later[first] - 1].known_s if later else since_s
