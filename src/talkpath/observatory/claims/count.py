"""Counts on how many networks a proposition holds, and whether that is any, most or every network.

Networks that were measured are a sample of those of the place: a share of them has an exact 95 % interval (Clopper and
Pearson 1934). `any` network is shown by one, and refuted by none among ENOUGH (then fewer than 31 % of networks can be
affected); `every` network the other way round; `most` where the interval lies on one side of a half. Published findings
are no sample: they are counted without an interval, and what none of them mentions is not refuted.

Decides whether a proposition holds on one network: yes, no, or None where too little was measured.

Only restricted days within an event of level `confirmed` or better count as restricted; others are doubtful, and a
doubtful network is neither. `impaired` and `closed` are said of a network only where several reports, and most of them,
say so: one bad Wi-Fi or one company's firewall says nothing about a network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from talkpath.observatory.claims.grammar import MediumWord, Proposition
from talkpath.observatory.events.network_days import NetworkDay
from talkpath.observatory.events.record import LAST_DAY, UNNAMED_RULE, Event, restricted_spans
from talkpath.verdict.statistics.proportion import Proportion

SEVERAL = 3
BLOCKED_P = 0.95
SETUP_RULES = frozenset(
    ("stun.drop", "dtls.hello_drop", "reflector.drop", "address.block", "allowlist", "dns.remove", "signalling.block")
)


@dataclass(frozen=True)
class NetworkEvidence:
    """What was measured of one app and medium on one network: days within the window, and events of all time."""

    name: str
    held: Proposition
    days: Sequence[NetworkDay]
    events: Sequence[Event]

    @property
    def restricted(self) -> list[NetworkDay]:
        """Days within an event, with the rules and the direction that the predicate asks for."""
        return [day for day in self._accused if self._asked_for(day)]

    @property
    def otherwise(self) -> bool:
        """Whether it is restricted only by other rules, or in another direction, than the predicate asks for."""
        named = [day for day in self._accused if set(day.rules) - {UNNAMED_RULE}]
        return bool(named) and not self.restricted

    @property
    def doubtful(self) -> bool:
        """Whether reports say restricted, but no confirmed event contains them."""
        return any(day.restricted for day in self.days) and not self._accused

    @property
    def fine(self) -> bool:
        """Whether there are reports of `ok`, and none of `restricted`."""
        return any(day.ok for day in self.days) and not any(day.restricted for day in self.days)

    def mostly(self, state: str) -> bool:
        """Whether several reports, and most of all, have this state."""
        own = sum(int(getattr(day, state)) for day in self.days)
        return own >= SEVERAL and 2 * own > sum(day.count for day in self.days)

    @property
    def severity(self) -> float | None:
        """The share of packets dropped, 1 where no call is set up; None where no rule gives a share."""
        if self.blocked:
            return 1.0
        shares = [p for day in self.restricted for p in day.ps]
        return median(shares) if shares else None

    @property
    def blocked(self) -> bool:
        """Whether calls are blocked (spec/tp-009-predicate.md): restricted with p >= 0.95, or no set-up."""
        shares = [p for day in self.restricted for p in day.ps]
        rules = self.rules
        return bool(rules and rules <= SETUP_RULES) or bool(shares and median(shares) >= BLOCKED_P)

    @property
    def rules(self) -> set[str]:
        """The rules that reports name."""
        return {rule for day in self.restricted for rule in day.rules} - {UNNAMED_RULE}

    def began(self) -> bool | None:
        """Whether a restriction began or changed within the predicate's time.

        No, where it began before and continued, or after; no, where the network was fine.
        """
        ends = {event.began: event.onset_high for event in self.events if event.kind == "ended"}
        found = self._onsets("began", "changed")
        found = [event for event in found if ends.get(event.began or event.id, LAST_DAY) >= self.held.begin]
        return any(map(self._within, found)) if found else (False if self.fine else None)

    def ended(self) -> bool | None:
        """Whether a restriction ended within the predicate's time. One that continues may still end."""
        found = self._onsets("ended")
        return any(map(self._within, found)) if found else None

    def _onsets(self, *kinds: str) -> list[Event]:
        """Confirmed events whose onset is known well enough to lie within, before or after the time."""
        found = [event for event in self.events if event.kind in kinds and event.level != "signal"]
        found = [event for event in found if event.onset_low is not None or event.onset_high <= self._until]
        return [event for event in found if not self.held.rules or event.rule in self.held.rules]

    @property
    def _until(self) -> str:
        return self.held.until or LAST_DAY

    def _within(self, event: Event) -> bool:
        low = event.onset_low
        return event.onset_high >= self.held.begin and (low is None or low < self._until)

    @property
    def _accused(self) -> list[NetworkDay]:
        inside = list(restricted_spans(self.events))
        return [day for day in self.days if day.restricted and any(low <= day.day <= high for low, high in inside)]

    def _asked_for(self, day: NetworkDay) -> bool:
        held = self.held
        ruled = not held.rules or bool(set(held.rules) & set(day.rules))
        return ruled and (not held.way or held.way in day.ways)


def holds_on(network: NetworkEvidence) -> bool | None:
    """Whether the proposition holds on this network; None where too little was measured."""
    word = network.held.word
    if word in ("BEGAN", "ENDED"):
        return network.began() if word == "BEGAN" else network.ended()
    if network.doubtful:
        return None
    accused, poor, shut = bool(network.restricted), network.mostly("impaired"), network.mostly("closed")
    if word == "CLOSED":
        return shut or (False if network.fine or accused else None)
    if word == "OK":
        return False if accused or poor or shut else network.fine or None
    if word == "BLOCKED":
        return network.blocked or (False if network.rules or network.fine else None)
    if word == "RESTRICTED":
        return accused or (False if network.fine or network.otherwise else None)
    return accused or poor or (False if network.fine or network.otherwise else None)


PropositionOutcome = Literal["supported", "contradicted", "silent", "not measurable"]
OPPOSITE: dict[PropositionOutcome, PropositionOutcome] = {"supported": "contradicted", "contradicted": "supported"}
LEAST_CHECKS = 10
SHARE_WORDS = {"OK": "every", "BEGAN": "most", "ENDED": "most", "WORSE": "most", "UNLIKE": "most"}
CALL = ("voice", "video")


class PredicateCount(Struct, frozen=True):
    """What was counted: networks where the word holds (`yes`), of those where it could be told, and of all measured.

    `low` and `high` are the 95 % interval of the share of networks, None where they are no sample. `reports` and
    `contributors` ("at least") are of all networks; `events` the ids of those that say yes or no.
    """

    word: str
    app: str
    medium: str
    share: str
    outcome: PropositionOutcome
    yes: int
    told: int
    measured: int
    low: float | None
    high: float | None
    reports: int
    contributors: int
    first_day: str
    last_day: str
    events: tuple[str, ...] = ()


def joined_counts(found: Sequence[PredicateCount], *, sampled: bool) -> PredicateCount:
    """One count from the counts of places that have no network in common."""
    days = [day for part in found for day in (part.first_day, part.last_day) if day]
    sums = {
        name: sum(getattr(part, name) for part in found)
        for name in ("yes", "told", "measured", "reports", "contributors")
    }
    return _with_outcome(
        replace(
            found[0],
            **sums,
            first_day=min(days, default=""),
            last_day=max(days, default=""),
            events=tuple(event for part in found for event in part.events),
        ),
        sampled,
    )


def streams_of(held: Proposition) -> Iterator[tuple[str, str]]:
    """Each (app, medium) that the proposition is about."""
    for word in held.media:
        for medium in CALL if word == "call" else (word,):
            yield from ((app, medium) for app in (*held.apps, held.than) if app)


def predicate_counts(
    held: Proposition, days: Sequence[NetworkDay], events: Sequence[Event], *, sampled: bool
) -> list[PredicateCount]:
    """One count for each medium and app; for propositions that compare apps, one for each pair."""
    pairs = _app_pairs(held)
    return [_claim_part(held, medium, pair, days, events, sampled) for medium in held.media for pair in pairs]


def share_outcome(yes: int, told: int, share: str, *, sampled: bool) -> PropositionOutcome:
    """Whether `yes` of `told` networks are any, most or every network of the place."""
    if not told:
        return "silent"
    enough = sampled and told >= LEAST_CHECKS
    if share == "any":
        return "supported" if yes else _holds_if(enough, "contradicted")
    if share == "every":
        return "contradicted" if yes < told else _holds_if(enough, "supported")
    low, high = clopper_pearson(yes, told) if sampled else (yes / told, yes / told)
    return "supported" if low > 0.5 else _holds_if(high < 0.5, "contradicted")


def clopper_pearson(yes: int, told: int) -> tuple[float, float]:
    """The exact 95 % interval of a share."""
    share = Proportion(yes, told)
    return share.low, share.high


def _holds_if(told: bool, said: PropositionOutcome) -> PropositionOutcome:
    return said if told else "silent"


def _app_pairs(held: Proposition) -> list[tuple[str, str]]:
    if held.word == "WORSE":
        return [(app, held.than) for app in held.apps]
    if held.word == "UNLIKE":
        return [(app, held.apps[0]) for app in held.apps[1:]]
    return [(app, "") for app in held.apps]


def _claim_part(
    held: Proposition,
    medium: MediumWord,
    pair: tuple[str, str],
    days: Sequence[NetworkDay],
    events: Sequence[Event],
    sampled: bool,
) -> PredicateCount:
    app, other = pair
    found = _networks_of_place(held, medium, app, days, events)
    others = (
        {network.name: network for network in _networks_of_place(held, medium, other, days, events)} if other else {}
    )
    answers = [_compared_apps(network, others.get(network.name)) if other else holds_on(network) for network in found]
    told = [answer for answer in answers if answer is not None]
    counted = [network for network, answer in zip(found, answers, strict=True) if answer is not None]
    looked = sorted(day.day for network in found for day in network.days)
    part = PredicateCount(
        word=held.word,
        app=f"{app}, {other}" if other else app,
        medium=medium,
        share=held.share or SHARE_WORDS.get(held.word, "any"),
        outcome="silent",
        yes=sum(told),
        told=len(told),
        measured=len(found),
        low=None,
        high=None,
        reports=sum(day.count for network in found for day in network.days),
        contributors=sum(max((day.contributors for day in network.days), default=0) for network in found),
        first_day=looked[0] if looked else "",
        last_day=looked[-1] if looked else "",
        events=tuple(event.id for network in counted for event in network.events),
    )
    return _with_outcome(part, sampled)


def _with_outcome(part: PredicateCount, sampled: bool) -> PredicateCount:
    """The count with its outcome and interval."""
    low, high = clopper_pearson(part.yes, part.told) if part.told and sampled else (None, None)
    said = (
        _is_mixed(part.yes, part.told)
        if part.word == "MIXED"
        else share_outcome(part.yes, part.told, part.share, sampled=sampled)
    )
    return replace(part, outcome=said, low=low, high=high)


def _is_mixed(yes: int, told: int) -> PropositionOutcome:
    """MIXED: are some networks affected while others are not?"""
    if 0 < yes < told:
        return "supported"
    return "contradicted" if told >= LEAST_CHECKS else "silent"


def _compared_apps(one: NetworkEvidence, two: NetworkEvidence | None) -> bool | None:
    """WORSE: is more dropped of the first app? UNLIKE: are the two restricted by different rules?"""
    if two is None:
        return None
    if one.held.word == "UNLIKE":
        return one.rules.isdisjoint(two.rules) if one.rules and two.rules else None
    mine, theirs = one.severity, two.severity
    if mine is None and theirs is None:
        return None
    mine, theirs = (mine or (0.0 if one.fine else None)), (theirs or (0.0 if two.fine else None))
    return mine > theirs if mine is not None and theirs is not None else None


def _networks_of_place(
    held: Proposition, medium: MediumWord, app: str, days: Sequence[NetworkDay], events: Sequence[Event]
) -> list[NetworkEvidence]:
    """What was measured of the app and medium on each network of the place; `call` means voice and video together."""
    media = CALL if medium == "call" else (medium,)
    seen: dict[tuple[str, str], tuple[list[NetworkDay], list[Event]]] = {}
    for day in days:
        if day.app == app and day.medium in media and _found_there(held, day) and _found_on(held, day):
            seen.setdefault((day.country, day.network), ([], []))[0].append(day)
    for event in events:
        if event.app == app and event.medium in media and _found_there(held, event):
            if held.word in ("BEGAN", "ENDED"):
                seen.setdefault((event.country, event.network), ([], []))[1].append(event)
            elif (event.country, event.network) in seen:
                seen[event.country, event.network][1].append(event)
    return [NetworkEvidence("/".join(name), held, *found) for name, found in sorted(seen.items())]


def _found_there(held: Proposition, found: NetworkDay | Event) -> bool:
    inside = not held.places or found.country in held.places or found.network in held.places
    return inside != held.outside


def _found_on(held: Proposition, day: NetworkDay) -> bool:
    within = held.begin <= day.day and (held.until is None or day.day <= held.until)
    return within and (not held.bases or day.basis in held.bases)
