"""Compares verdicts with the ground truth of the lab: which are right, and what exactly is wrong.

Contract: pure. One `Score` for each (app, medium). Its truth is every rule that hits the variant that the verdict is
about; where no variant is hit, every accusation is false. Directions that a check cannot observe (`UNSEEN`) do not
count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from talkpath.lab.ground_truth.hits import RuleHit
from talkpath.lab.parameters import Value
from talkpath.verdict.model import Category, Number, State, Verdict
from talkpath.verdict.rules import all_rules

ACCUSING = ("restricted", "closed", "unreachable")

# A rule that drops everything up leaves the far end silent, so nobody can observe whether it would drop anything down.
UNSEEN = {
    "udp.block": ("up", "both"),
    "port.block": ("up", "both"),
    "flow.block": ("up", "both"),
    "udp.opaque_drop": ("up", "both"),
    "address.block": ("up", "down", "both"),
    "allowlist": ("up", "down", "both"),
}


@dataclass(frozen=True, slots=True)
class Score:
    """One verdict with its truth. `hits` is what really acts on this app and medium. `wrong` is empty, or says what is
    wrong: "restricted" or "closed" (a false accusation), "state" (a missed restriction), "unknown" (no rule named),
    "rule", "direction", or the name of a parameter whose interval does not contain the truth."""

    verdict: Verdict
    hits: tuple[RuleHit, ...]
    wrong: tuple[str, ...]

    @property
    def false(self) -> bool:
        """Whether it accuses a network that does not restrict this."""
        return any(word in ACCUSING for word in self.wrong)


def score_verdicts(verdicts: Sequence[Verdict], hits: Sequence[RuleHit]) -> list[Score]:
    """Scores every verdict about calls, in order. Messages (medium text) have no ground truth here."""
    return [_score_verdict(verdict, hits) for verdict in verdicts if verdict.medium != "text"]


def _score_verdict(verdict: Verdict, hits: Sequence[RuleHit]) -> Score:
    of_app = [hit for hit in hits if (hit.arm.app, hit.arm.medium) == (verdict.app, verdict.medium)]
    of_variant = tuple(hit for hit in of_app if hit.arm.variant == verdict.variant)
    if verdict.state in ACCUSING:
        states = {
            state
            for hit in of_variant
            if hit.rule in all_rules()
            for state in (true_state(hit), *_other_right_state(hit))
        }
        wrong = _wrong_about_rule(verdict, of_variant) if verdict.state in states else (verdict.state,)
        return Score(verdict, of_variant, wrong)
    return Score(verdict, of_variant or tuple(of_app), ("state",) if of_app else ())


def true_state(hit: RuleHit) -> State:
    """The state that a verdict should have: a rule for `closed` that acts on calls alone restricts these."""
    return "restricted" if hit.parameters.get("whose") == "calls" else all_rules()[hit.rule].state


def _other_right_state(hit: RuleHit) -> tuple[State, ...]:
    """The state that is right as well: of `residual`, where an arm's own calls are proven to have ports blocked."""
    return ("restricted",) if hit.rule == "residual" and hit.own else ()


def _wrong_about_rule(verdict: Verdict, hits: Sequence[RuleHit]) -> tuple[str, ...]:
    """What is wrong about rule, direction and parameters, where the state is right. One rule given once for each
    direction acts in both, and the intervals of its parameters must then contain both truths."""
    if verdict.rule == "media.unknown" or verdict.rule is None:
        return ("unknown",)
    same = [hit for hit in hits if hit.rule == verdict.rule]
    if not same:
        return ("rule",)
    if verdict.direction == "both" and {"up", "down"} <= {hit.direction for hit in same}:
        return tuple(dict.fromkeys(name for hit in same for name in _missed_parameters(verdict, hit)))
    wrong = [
        (*(() if _same_direction(verdict, hit) else ("direction",)), *_missed_parameters(verdict, hit)) for hit in same
    ]
    return min(wrong, key=len)


def _same_direction(verdict: Verdict, hit: RuleHit) -> bool:
    alike = UNSEEN.get(hit.rule, ())
    if verdict.direction is None:  # it says that it cannot tell
        return True
    return verdict.direction == hit.direction or (verdict.direction in alike and hit.direction in alike)


def _missed_parameters(verdict: Verdict, hit: RuleHit) -> tuple[str, ...]:
    """Parameters of both verdict and rule whose interval or value does not contain the truth."""
    shared = [name for name in verdict.parameters if name in hit.parameters]
    return tuple(name for name in shared if not _interval_contains(verdict.parameters[name], hit.parameters[name]))


def _interval_contains(printed: Number | Category, true: Value) -> bool:
    if isinstance(printed, Category):
        values = printed.value.split(",")
        return str(true) in values or (isinstance(true, float) and f"{true:g}" in values)
    return (printed.low is None or printed.low <= float(true)) and (printed.high is None or float(true) <= printed.high)
