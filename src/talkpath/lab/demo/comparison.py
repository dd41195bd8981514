"""What was measured held against what is known: the order's words, and the truth of the box.

A claim is supported or contradicted by verdicts only, as anybody outside the box would have to judge it. The truth is
the lab's own (`scenario.truth`, `lab.score`), which no check was told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

from talkpath.lab.demo.script import Claim
from talkpath.lab.ground_truth.hits import Hit
from talkpath.lab.ground_truth.score import Score, score
from talkpath.report.words import sentences as words
from talkpath.report.words.language import listed, say
from talkpath.verdict.model import Verdict

Outcome = Literal["supported", "contradicted", "could not tell"]
RESTRICTED = ("restricted", "closed")
MISNAMED = {"unknown", "rule", "direction"}


class Held(Struct, frozen=True):
    """A claim after the measurement, in the scene of that id. `because` says which verdicts decide it."""

    words: str
    scene: str
    outcome: Outcome
    because: str


def hold(claim: Claim, verdicts: Sequence[Verdict]) -> Held:
    """The claim against the verdicts of its scene. It speaks of every app that it names: one against it contradicts."""
    found = [v for v in verdicts if v.app in claim.apps and v.medium == claim.medium]
    restricted = [v for v in found if v.state in RESTRICTED]
    well = [v for v in found if v.state == "ok"]
    fitting, against = (restricted, well) if claim.expects == "restricted" else (well, restricted)
    unclear = [v for v in found if v not in fitting and v not in against]
    if against:
        return Held(claim.words, claim.scene, "contradicted", _because(against))
    if fitting and not unclear and {v.app for v in fitting} == set(claim.apps):
        return Held(claim.words, claim.scene, "supported", _because(fitting))
    return Held(
        claim.words, claim.scene, "could not tell", _because(unclear) if unclear else say("table", "not tested")
    )


def _because(verdicts: Sequence[Verdict]) -> str:
    labels = dict.fromkeys(words.label(verdict) for verdict in verdicts)
    medium = words.medium(verdicts[0].medium)
    return say("list", "; ").join(
        say("demo", "{apps} ({medium}): {label}", apps=_names(verdicts, label), medium=medium, label=label.lower())
        for label in labels
    )


def _names(verdicts: Sequence[Verdict], label: str) -> str:
    return listed(words.app_name(verdict) for verdict in verdicts if words.label(verdict) == label)


class Tally(Struct, frozen=True):
    """Over one scene or all. `restrictions` are the (app, medium) that the box restricted; `found` those told
    restricted, `named` those told with the right rule and direction. `false` verdicts say something that is not so;
    `undecided` could not tell."""

    restrictions: int
    found: int
    named: int
    verdicts: int
    false: int
    undecided: int


def tally(verdicts: Sequence[Verdict], hits: Sequence[Hit]) -> Tally:
    """One scene."""
    scores = score(verdicts, hits)
    found = [each for each in scores if each.hits and each.verdict.state == "restricted"]
    texts = [verdict for verdict in verdicts if verdict.medium == "text"]
    return Tally(
        restrictions=len({(hit.arm.app, hit.arm.medium) for hit in hits}),
        found=len(found),
        named=sum(not MISNAMED & set(each.wrong) for each in found),
        verdicts=len(verdicts),
        false=sum(map(_is_false, scores)) + sum(verdict.state == "restricted" for verdict in texts),
        undecided=sum(verdict.state == "insufficient" for verdict in verdicts),
    )


def _is_false(each: Score) -> bool:
    """Does it say what is not so? Against what nobody restricts, well of what is restricted, a wrong rule or way."""
    well_of_restricted = bool(each.hits) and each.verdict.state == "ok"
    return each.false or well_of_restricted or bool({"rule", "direction"} & set(each.wrong))


def total(tallies: Iterable[Tally]) -> Tally:
    """All scenes together."""
    rows = list(tallies)
    return Tally(*(sum(getattr(row, name) for row in rows) for name in Tally.__struct_fields__))
