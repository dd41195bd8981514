"""Which rule explains an accused arm best, and what would tell it from its rivals.

A rule is named when no other explains the calls' losses and delays as well (`MARGIN`). Where others come close, the
contrasts that would separate them are wanted; once those are in and they still tie, the name is `media.unknown`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from talkpath.apps.contract.shape import AffectedDirections, Direction
from talkpath.measure.facts import Epoch, Facts
from talkpath.verdict.flows.arm_view import View, view_of
from talkpath.verdict.flows.outcomes import cut_ways, doomed, stillborn
from talkpath.verdict.memo import per_epochs
from talkpath.verdict.model import Number
from talkpath.verdict.rules import media_freeze, media_size_drop, rules, rules_of
from talkpath.verdict.rules.rule import MARGIN, Contrast, Fit, Rule
from talkpath.verdict.statistics.cohort import DIRECTIONS

LEAST_NATS = 1.0  # a rule that explains less than this explains nothing
CLOSE = 0.03  # of the best gain: no model of a box is exact, so what comes so close deserves a contrast
APART_NATS = 12.0  # what a second rule must add: a rule of its own for each way is a bold guess
APART = 0.1  # or of the best gain: what fits badly one way, as a bucket that begins anew, may not the other way
UNKNOWN = "media.unknown"
DOUBTED = (UNKNOWN, "media.drop", "media.freeze")  # what a call shows whose packets all lie above an edge in size


class Candidate(NamedTuple):
    """A rule and how it explains the arm."""

    rule: Rule
    fit: Fit


class Naming(NamedTuple):
    """`rule` is an id of the registry; `rivals` are all that come close, the best first; `tied` of them tie."""

    rule: str
    rivals: tuple[Candidate, ...]
    tied: int = 0

    @property
    def best(self) -> Fit | None:
        """The fit of the best rule, named or not."""
        return self.rivals[0].fit if self.rivals else None

    @property
    def alternatives(self) -> tuple[str, ...]:
        """What the name might be instead, where it is not known."""
        return tuple(rival.rule.id for rival in self.rivals[: self.tied]) if self.rule == UNKNOWN else ()

    def wanted(self, *, doubted: bool = False) -> Iterator[tuple[Contrast, int]]:
        """Contrasts that would tell more and how patient they must be, the most useful first, asked before or not.
        `doubted`: the line is such that even a name without rivals deserves one."""
        patience = max((rival.rule.patience for rival in self.rivals[:2]), default=1)
        for rival in self.rivals if doubted or len(self.rivals) > 1 else ():
            yield from ((contrast, patience) for contrast in rival.rule.contrasts)
        for rival in self.rivals[:1]:
            yield from ((contrast, 1) for contrast in rival.fit.sharpen)


def name(view: View) -> Naming:
    """The best explanation of the view's arm, seen beside the other arms of the check."""
    own = alone(view)
    return together(own, view) if own.rule in DOUBTED else own


def alone(view: View) -> Naming:
    """The best explanation of the view's arm by itself."""
    own = _name(view.epochs, _Frame(view.facts, _stillborn(view)))
    ways, best = _doomed_ways(view), own.best
    if own.rule != media_freeze.RULE.id or best is None or best.direction not in ways:
        return own
    return own._replace(rivals=(Candidate(media_freeze.RULE, replace(best, direction=_joined(ways))), *own.rivals[1:]))


def _doomed_ways(view: View) -> list[Direction]:
    """The ways in which calls ended that another's end had doomed. What closed a port to them acts the same ways: they
    tell these, though not when."""
    return cut_ways([call for epoch in view.epochs for call in doomed(view.facts.epochs).get(epoch.number, [])])


def _joined(ways: list[Direction]) -> AffectedDirections:
    return "both" if len(ways) == 2 else ways[0]


def _stillborn(view: View) -> frozenset[tuple[int, int]]:
    """The calls of the view that another's end had doomed."""
    numbers = {epoch.number for epoch in view.epochs}
    return frozenset(call for call in stillborn(view.facts.epochs) if call[0] in numbers)


def together(own: Naming, view: View) -> Naming:
    """One rule for many arms is likelier than two. What other arms of the check showed beyond doubt breaks a tie here;
    if they were cut off, and all calls here were doomed by that, so were these; if they lost what is large, this arm's
    packets may all be large."""
    mine = {epoch.arm for epoch in view.epochs}
    others = [alone(view_of(view.facts, each.arm)) for each in view.facts.plan.arms if each.arm not in mine]
    firm = {other.rule: other for other in others if other.rule != UNKNOWN and other.best is not None}
    tied = [rival for rival in own.rivals[: own.tied] if rival.rule.id in firm]
    if own.rule == UNKNOWN and len(tied) == 1:
        return Naming(tied[0].rule.id, (tied[0], *(r for r in own.rivals if r is not tied[0])), 1)
    frozen = firm.get(media_freeze.RULE.id)
    if own.best is None and frozen is not None and frozen.best is not None and _stillborn(view):
        ways = _doomed_ways(view)
        direction = _joined(ways) if ways else frozen.best.direction
        return Naming(frozen.rule, (Candidate(media_freeze.RULE, Fit(LEAST_NATS, direction)),), 1)
    large = firm.get(media_size_drop.RULE.id)
    return _lent(own, large, view) if large is not None else own


def _lent(own: Naming, large: Naming, view: View) -> Naming:
    """The edge in size that another arm showed, if it explains this one as well."""
    over = large.best.measure()["over"] if large.best else None
    fit = media_size_drop.lent(view, over) if isinstance(over, Number) else None
    top = own.best.gain if own.best else 0.0
    if fit is None or fit.gain < max(LEAST_NATS, top - max(MARGIN, CLOSE * top)):
        return own
    return Naming(media_size_drop.RULE.id, (Candidate(media_size_drop.RULE, fit),), 1)


class _Frame:
    """Carries the facts past the memo: the naming depends on the epochs, the seed, the address family and the calls
    that are left out."""

    def __init__(self, facts: Facts, stillborn: frozenset[tuple[int, int]]) -> None:
        self.facts, self.stillborn = facts, stillborn

    def _key(self) -> tuple[bytes, int, frozenset[tuple[int, int]]]:
        return self.facts.seed, self.facts.family, self.stillborn

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Frame) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())


@per_epochs
def _name(epochs: tuple[Epoch, ...], frame: _Frame) -> Naming:
    view = View(frame.facts, epochs, stillborn=frame.stillborn)
    joint = best_of(rules_of("restricted"), view)
    return _apart(joint, view) if joint.best is not None and joint.best.direction == "both" else joint


def _apart(joint: Naming, view: View) -> Naming:
    """Where one rule each way explains far better than one rule both ways, the name of the way that suffers more. Only
    among rules that lose media: a delay or a lost set-up beside those leaves the loss of media to be explained."""
    single = [best_of(rules_of("restricted"), replace(view, ways=(way,))) for way in DIRECTIONS]
    gains = [naming.best.gain if naming.best else 0.0 for naming in single]
    likely = [{rival.rule.id for rival in naming.rivals[: naming.tied]} for naming in single]
    top = joint.best.gain if joint.best else 0.0
    if likely[0] & likely[1] or not all(gains) or sum(gains) < top + max(APART_NATS, APART * top):
        return joint
    if loses_media(joint.rule) and not all(map(loses_media, likely[0] | likely[1])):
        return joint
    return single[gains.index(max(gains))]


def loses_media(rule: str) -> bool:
    """Is that the id of a rule that loses media packets?"""
    return rules()[rule].loses_media


def best_of(among: Iterable[Rule], view: View) -> Naming:
    """The best explanation among these rules."""
    found = [Candidate(rule, fit) for rule in among if (fit := rule.explain(view)) is not None]
    found = sorted((c for c in found if c.fit.gain >= LEAST_NATS), key=lambda c: (-c.fit.gain, c.rule.id))
    if not found:
        return Naming(UNKNOWN, ())
    top = found[0].fit.gain
    rivals = tuple(c for c in found if c.fit.gain >= top - max(MARGIN, CLOSE * top))
    tied = sum(c.fit.gain >= top - MARGIN for c in rivals)
    return Naming(rivals[0].rule.id if tied == 1 else UNKNOWN, rivals, tied)


def named_at_s(view: View, since_s: float) -> float:
    """When the name that the facts now give was first given and stayed, no earlier than `since_s`."""
    final = name(view).rule
    ordered = sorted(view.epochs, key=lambda epoch: (epoch.known_s, epoch.number))
    at_s = max((epoch.known_s for epoch in ordered), default=since_s)
    for count in range(len(ordered), 0, -1):
        last_s = ordered[count - 1].known_s
        if last_s < since_s or name(View(view.facts, tuple(ordered[:count]))).rule != final:
            break
        at_s = last_s
    return max(at_s, since_s)
