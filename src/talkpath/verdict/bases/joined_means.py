"""Joins the verdicts of several means about one app: calls to a test server, its own servers, the person's own calls.

Contract: pure. Each verdict keeps its own state; what is joined is only what the states say side by side. Nothing is
concluded about a means that was not used, or that could not tell. The means differ in what they can see:

| means | basis | sees | does not see |
|---|---|---|---|
| `server` | shape, webrtc | rules by what a call looks like | rules about the app's own addresses |
| `addresses` | address | whether packets get to the app's call servers | what happens once a call runs |
| `call` | call | what came in the call, beside control traffic | what was sent; why a single call failed |
| `messages` | signalling, and address for text | the app's servers for messages | calls |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from talkpath.apps.contract.shape import Medium
from talkpath.grouping import grouped_by_key
from talkpath.verdict.model import Category, State, Verdict

Means = Literal["server", "addresses", "call", "messages"]
FindingWord = Literal["well", "held", "likely", "poor", "closed", "silent", "unknown"]
Conclusion = Literal[
    "well",  # no means found anything
    "alone",  # one means alone could tell: there is nothing to join
    "addresses",  # calls reach a test server; what goes to the app's own addresses does not
    "shape",  # calls to a test server are held back; the app's own servers answer a greeting
    "both",  # held back by every means
    "server",  # calls to a test server are held back; the person's own call went well
    "calls_there",  # calls reach a test server; calls to the app's own addresses fail, while other packets get there
    "elsewhere",  # calls reach this test server; on the way to the app's and to neutral addresses they are held back
    "greetings",  # the app's servers are not reached; the person's own call went well
    "closed",  # no calls at all reach a test server
    "poor",  # the line treats everything badly
    "unknown",  # no means could tell
]

CALL_MEDIA: tuple[Medium, ...] = ("voice", "video")
TEXT_AND_CALL_MEDIA: tuple[Medium, ...] = ("text", *CALL_MEDIA)
HELD_BACK_WORDS = ("held", "likely")
TELLING_WORDS = ("well", *HELD_BACK_WORDS)


class MeansFinding(Struct, frozen=True):
    """What one means found of one medium: its verdict, and that in one word."""

    means: Means
    finding: FindingWord
    verdict: Verdict


class JoinedMedium(Struct, frozen=True):
    """One app and medium: what each means found, and what that says together. `disagree`: one means found calls well
    and another did not."""

    app: str
    medium: Medium
    findings: tuple[MeansFinding, ...]
    conclusion: Conclusion
    disagree: bool

    def of(self, means: Means) -> MeansFinding | None:
        """What that means found; None where it was not used."""
        return next((each for each in self.findings if each.means == means), None)


def join_means(verdicts: Sequence[Verdict]) -> list[JoinedMedium]:
    """Returns messages, voice and video of every app, in the order in which apps are first named; a medium that no
    means looked at is left out."""
    apps = dict.fromkeys(verdict.app for verdict in verdicts)
    every = [_joined_medium(app, medium, verdicts) for app in apps for medium in TEXT_AND_CALL_MEDIA]
    return [joined for joined in every if joined.findings]


def _joined_medium(app: str, medium: Medium, verdicts: Sequence[Verdict]) -> JoinedMedium:
    by_means = grouped_by_key(
        (means, verdict)
        for verdict in verdicts
        if verdict.app == app and (means := _means_for(verdict, medium)) is not None
    )
    findings = tuple(_worst_verdict(means, by_means[means]) for means in sorted(by_means, key=_means_order))
    words = {each.means: each.finding for each in findings}
    if words.get("call") == "well" and any(map(_acts_on_what_was_sent, findings)):
        words["call"] = "unknown"
    return JoinedMedium(app, medium, findings, _join_conclusion(words, _bound_to(findings)), _means_disagree(words))


def _acts_on_what_was_sent(found: MeansFinding) -> bool:
    """Whether that is held back which a call's recording at this end cannot show: media that this end sent."""
    rule = found.verdict.rule or next(iter(found.verdict.alternatives), "")
    is_media = rule.startswith("media.") or rule == "udp.freeze"
    return found.finding in HELD_BACK_WORDS and found.verdict.direction == "up" and is_media


def _means_for(verdict: Verdict, medium: Medium) -> Means | None:
    """The means by which the verdict speaks of that medium. Call servers carry voice and video alike."""
    if verdict.basis == "address" and verdict.medium == "voice":
        return "addresses" if medium in CALL_MEDIA else None
    if verdict.medium != medium:
        return None
    if verdict.medium == "text":
        return "messages"
    return "call" if verdict.basis == "call" else "server"


def _means_order(means: Means) -> int:
    order: tuple[Means, ...] = ("messages", "server", "addresses", "call")
    return order.index(means)


FINDINGS: Mapping[State, FindingWord] = {
    "ok": "well",
    "restricted": "held",
    "closed": "closed",
    "impaired": "poor",
    "unreachable": "silent",
    "insufficient": "unknown",
}
SEVERITY: tuple[FindingWord, ...] = ("held", "closed", "likely", "poor", "silent", "unknown", "well")


def _worst_verdict(means: Means, verdicts: Sequence[Verdict]) -> MeansFinding:
    """The worst of several verdicts of one means (several calls, several ways of asking)."""
    found = [MeansFinding(means, finding_word(verdict), verdict) for verdict in verdicts]
    return min(found, key=lambda each: SEVERITY.index(each.finding))


def finding_word(verdict: Verdict) -> FindingWord:
    """A verdict in one word. It is "likely" where it could not tell but names what would fit: then it is at most
    consistent with a restriction."""
    if verdict.state == "insufficient" and verdict.alternatives and verdict.basis in ("call", "address", "signalling"):
        return "likely"
    return FINDINGS[verdict.state]


def _bound_to(findings: Sequence[MeansFinding]) -> str:
    """To what the rule is bound that was found on the way to the app's addresses: "address", "shape", "both" or ""."""
    values = [found.verdict.parameters.get("bound_to") for found in findings if found.means == "addresses"]
    return next((value.value for value in values if isinstance(value, Category)), "")


def _join_conclusion(words: Mapping[Means, FindingWord], bound: str) -> Conclusion:
    """What the findings say together. A poor line explains nothing that another means found beside a control."""
    if "messages" in words:
        return _single_conclusion(words["messages"])
    server, addresses, call = (words.get(means, "unknown") for means in ("server", "addresses", "call"))
    own = [each for each in (addresses, call) if each in TELLING_WORDS]
    if server == "closed":
        return "server" if "well" in own else "closed"
    excused = "poor" in (server, addresses, call) or "closed" in (addresses, call)
    if excused and not any(each in HELD_BACK_WORDS for each in (server, *own)):
        return "poor"
    if server in HELD_BACK_WORDS and own:
        return _beside_held(addresses, call)
    if server == "well" and own:
        return _beside_well(addresses, call, bound)
    if len(own) == 2:
        return _own_means(addresses, call)
    told = [each for each in (server, *own) if each in TELLING_WORDS]
    return "alone" if told == ["well"] and len(words) > 1 else _single_conclusion(next(iter(told), "unknown"))


def _beside_held(addresses: FindingWord, call: FindingWord) -> Conclusion:
    """Calls to a test server are held back: what the app's own addresses and the person's own calls add."""
    if call == "well":
        return "server"
    return "shape" if addresses == "well" else "both"


def _beside_well(addresses: FindingWord, call: FindingWord, bound: str) -> Conclusion:
    """The same where calls reach a test server."""
    if addresses in HELD_BACK_WORDS and call == "well":
        return "greetings"
    if addresses in HELD_BACK_WORDS:
        return "elsewhere" if bound == "shape" else "calls_there" if bound == "both" else "addresses"
    if call in HELD_BACK_WORDS:
        return "calls_there" if addresses == "well" else "addresses"
    return "well"


def _own_means(addresses: FindingWord, call: FindingWord) -> Conclusion:
    """The same where no test server could tell."""
    if addresses in HELD_BACK_WORDS:
        return "both" if call in HELD_BACK_WORDS else "greetings"
    return "calls_there" if call in HELD_BACK_WORDS else "well"


def _single_conclusion(word: FindingWord) -> Conclusion:
    if word == "well":
        return "well"
    return (
        "alone"
        if word in HELD_BACK_WORDS
        else "poor"
        if word == "poor"
        else "closed"
        if word == "closed"
        else "unknown"
    )


def _means_disagree(words: Mapping[Means, FindingWord]) -> bool:
    """Whether one means found it well and another found it held back."""
    own_well = "well" in (words.get("addresses"), words.get("call"))
    found = set(words.values())
    return ("well" in found and any(word in found for word in HELD_BACK_WORDS)) or (
        own_well and words.get("server") == "closed"
    )
