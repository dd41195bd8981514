"""Verdicts held against the truth of the lab: what is right, and what exactly is wrong.

Contract: pure. One `Score` per (app, medium); the truth of one is every rule that hits the variant that the verdict
speaks of, and where no variant of it is hit, nothing may be said against it. What a check cannot see counts for
nobody: `UNSEEN` says which directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from talkpath.lab.parameters import Value
from talkpath.lab.scenario import Hit
from talkpath.verdict.model import Category, Number, Verdict
from talkpath.verdict.rules import rules

ACCUSING = ("restricted", "closed", "unreachable")

# A rule that lets nothing up leaves the far end silent, so it cannot be told whether it would let anything down.
UNSEEN = {"udp.block": ("up", "both"), "port.block": ("up", "both"), "udp.opaque_drop": ("up", "both"),
          "address.block": ("up", "down", "both"), "allowlist": ("up", "down", "both")}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Score:
    """`hits` is the truth of this app and medium. `wrong` is empty or says what is: "restricted" or "closed" (said of
    what is not), "state" (missed), "unknown" (no rule named), "rule", "direction", or the name of a parameter whose
    interval misses the truth."""

    verdict: Verdict
    hits: tuple[Hit, ...]
    wrong: tuple[str, ...]

    @property
    def false(self) -> bool:
        """Was something said against what nobody restricts?"""
        return any(word in ACCUSING for word in self.wrong)


def score(verdicts: Sequence[Verdict], hits: Sequence[Hit]) -> list[Score]:
    """Every verdict about calls, in order. Messages (medium text) have no truth here."""
    return [_score(verdict, hits) for verdict in verdicts if verdict.medium != "text"]


def _score(verdict: Verdict, hits: Sequence[Hit]) -> Score:
    of_app = [hit for hit in hits if (hit.arm.app, hit.arm.medium) == (verdict.app, verdict.medium)]
    mine = tuple(hit for hit in of_app if hit.arm.variant == verdict.variant)
    if verdict.state in ACCUSING:
        states = {rules()[hit.rule].state for hit in mine if hit.rule in rules()}
        wrong = _named(verdict, mine) if verdict.state in states else (verdict.state,)
        return Score(verdict, mine, wrong)
    return Score(verdict, mine or tuple(of_app), ("state",) if of_app else ())


def _named(verdict: Verdict, hits: Sequence[Hit]) -> tuple[str, ...]:
    """Rule, direction and parameters, where the state is right. One rule set up once for each way acts both ways, and
    its parameters must then hold both truths."""
    if verdict.rule == "media.unknown" or verdict.rule is None:
        return ("unknown",)
    same = [hit for hit in hits if hit.rule == verdict.rule]
    if not same:
        return ("rule",)
    if verdict.direction == "both" and {"up", "down"} <= {hit.direction for hit in same}:
        return tuple(dict.fromkeys(name for hit in same for name in _misses(verdict, hit)))
    found = [() if _same_way(verdict, hit) else ("direction",) for hit in same]
    misses = [(*way, *_misses(verdict, hit)) for way, hit in zip(found, same, strict=True)]
    return min(misses, key=len)


def _same_way(verdict: Verdict, hit: Hit) -> bool:
    alike = UNSEEN.get(hit.rule, ())
    return verdict.direction == hit.direction or (verdict.direction in alike and hit.direction in alike)


def _misses(verdict: Verdict, hit: Hit) -> tuple[str, ...]:
    """Parameters of both whose interval or value is not the truth."""
    shared = [name for name in verdict.parameters if name in hit.parameters]
    return tuple(name for name in shared if not _holds(verdict.parameters[name], hit.parameters[name]))


def _holds(said: Number | Category, true: Value) -> bool:
    if isinstance(said, Category):
        return str(true) in said.value.split(",") or (isinstance(true, float) and f"{true:g}" in said.value.split(","))
    return (said.low is None or said.low <= float(true)) and (said.high is None or float(true) <= said.high)
