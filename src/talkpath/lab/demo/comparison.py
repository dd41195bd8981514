"""Compares what was measured with what is known: the order's words, and the lab's ground truth.

A claim is supported or contradicted by verdicts alone, as anybody outside the lab would have to judge it. The ground
truth is the lab's own (lab/ground_truth); no check was given it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

from talkpath.lab.demo.script import DemoClaim
from talkpath.lab.ground_truth import RuleHit, Score, score_verdicts
from talkpath.report.words import sentences as words
from talkpath.report.words.language import listed, say
from talkpath.verdict.model import HELD_BACK_STATES, Verdict

ClaimState = Literal["supported", "contradicted", "could not tell"]
MISNAMED = {"unknown", "rule", "direction"}


class ClaimOutcome(Struct, frozen=True):
    """The outcome of a claim in the scene of that id. `because` names the verdicts that decide it."""

    words: str
    scene: str
    outcome: ClaimState
    because: str


def compare_claim(claim: DemoClaim, verdicts: Sequence[Verdict]) -> ClaimOutcome:
    """Compares a claim with the verdicts of its scene. It is about every app that it names: one can contradict it."""
    found = [v for v in verdicts if v.app in claim.apps and v.medium == claim.medium]
    restricted = [v for v in found if v.state in HELD_BACK_STATES]
    well = [v for v in found if v.state == "ok"]
    fitting, against = (restricted, well) if claim.expects == "restricted" else (well, restricted)
    unclear = [v for v in found if v not in fitting and v not in against]
    if against:
        return ClaimOutcome(claim.words, claim.scene, "contradicted", labels_of_apps(against))
    if fitting and not unclear and {v.app for v in fitting} == set(claim.apps):
        return ClaimOutcome(claim.words, claim.scene, "supported", labels_of_apps(fitting))
    return ClaimOutcome(
        claim.words, claim.scene, "could not tell", labels_of_apps(unclear) if unclear else say("table", "not tested")
    )


def labels_of_apps(verdicts: Sequence[Verdict]) -> str:
    """What was found of the apps in one medium, the apps of one result together."""
    labels = dict.fromkeys(words.verdict_label(verdict) for verdict in verdicts)
    medium = words.medium_word(verdicts[0].medium)
    return say("list", "; ").join(
        say("demo", "{apps} ({medium}): {label}", apps=_names(verdicts, label), medium=medium, label=label.lower())
        for label in labels
    )


def _names(verdicts: Sequence[Verdict], label: str) -> str:
    return listed(words.app_name(verdict) for verdict in verdicts if words.verdict_label(verdict) == label)


class ResultTally(Struct, frozen=True):
    """Counts over one scene or all. `restrictions` are the (app, medium) that the lab restricted; `found` those called
    restricted, `named` those with the right rule and direction. `false` verdicts are wrong; `undecided` ones are
    `insufficient`."""

    restrictions: int
    found: int
    named: int
    verdicts: int
    false: int
    undecided: int


def scene_tally(verdicts: Sequence[Verdict], hits: Sequence[RuleHit]) -> ResultTally:
    """Counts of one scene."""
    scores = score_verdicts(verdicts, hits)
    found = [each for each in scores if each.hits and each.verdict.state == "restricted"]
    texts = [verdict for verdict in verdicts if verdict.medium == "text"]
    return ResultTally(
        restrictions=len({(hit.arm.app, hit.arm.medium) for hit in hits}),
        found=len(found),
        named=sum(not MISNAMED & set(each.wrong) for each in found),
        verdicts=len(verdicts),
        false=sum(map(_is_false, scores)) + sum(verdict.state == "restricted" for verdict in texts),
        undecided=sum(verdict.state == "insufficient" for verdict in verdicts),
    )


def _is_false(each: Score) -> bool:
    """Whether it is wrong: a false accusation, `ok` for what is restricted, a wrong rule or direction."""
    well_of_restricted = bool(each.hits) and each.verdict.state == "ok"
    return each.false or well_of_restricted or bool({"rule", "direction"} & set(each.wrong))


def total_tally(tallies: Iterable[ResultTally]) -> ResultTally:
    """The sum over all scenes."""
    rows = list(tallies)
    return ResultTally(*(sum(getattr(row, name) for row in rows) for name in ResultTally.__struct_fields__))
