"""Sentences about an event that a journalist may write, and sentences that would be wrong.

Each permitted sentence is true of what was measured and says no more; each forbidden one is a common mistake.
"""

from __future__ import annotations

from collections.abc import Iterator

from talkpath.observatory.events.record import EVERYWHERE, Event
from talkpath.observatory.web.labels import (
    app_name,
    contributors_phrase,
    country_name,
    mechanism_text,
    medium_name,
    network_name,
)
from talkpath.report.words.language import count, say


def may_write(event: Event, today: str, *, current: bool, operator: str = "", well: str = "") -> Iterator[str]:
    """Sentences in the language of the moment. `current`: it was not withdrawn. `operator`: the name of the network's
    operator. `well`: the last day before the event on which reports said that nothing was restricted."""
    if event.simulated:
        yield say("may write", "In a made-up country inside a computer, not anywhere in the world:")
    if not current:
        yield say("may write", "The observatory withdrew this event as a mistake of its own; write nothing else of it.")
        return
    yield _country_phrase(event) if event.network == EVERYWHERE else event_phrase(event, operator, well)
    if event.kind == "began" and event.onset_low is not None and event.onset_low < well:
        yield say(
            "may write",
            "Reports of {well} still say that nothing was restricted; they are too few to tell that it began later.",
            well=well,
        )
    if event.rule and event.kind != "ended":
        yield say(
            "may write",
            "Of the reports that say restricted, {named} of {count} are consistent with this: {mechanism}.",
            named=event.rules.get(event.rule, event.count),
            count=event.count,
            mechanism=mechanism_text(event.rule),
        )
    yield _level_phrase(event)
    yield say(
        "may write",
        "{reports} by {people} say so (as of {day}).",
        reports=reports_phrase(event),
        people=contributors_phrase(event.contributors),
        day=today,
    )
    if event.unvouched:
        yield unvouched_phrase(event)


def unvouched_phrase(event: Event) -> str:
    """How many reports no listed test server vouches for, and what they are worth."""
    return count(
        "may write",
        "No listed test server vouches for {number} report that says so: it confirms nothing.",
        "No listed test server vouches for {number} reports that say so: they confirm nothing.",
        event.unvouched,
    )


def reports_phrase(event: Event) -> str:
    """What an event rests on: its reports, or taps where there is none."""
    if event.count:
        return count("unit", "{number} report", "{number} reports", event.count)
    return count("unit", "{number} tap: “my call failed”", "{number} taps: “my call failed”", event.taps)


def must_not(event: Event) -> Iterator[str]:
    """Forbidden sentences in the current language."""
    name = app_name(event.app)
    if event.simulated:
        yield say("must not write", "Anything about a real country, network or company: this one is SIMULATED.")
    if event.medium == "text":
        yield say("must not write", "“{app} is blocked”: its messages were looked at, and not its calls.", app=name)
    else:
        yield say(
            "must not write",
            "“{app} is blocked”: these were calls that look like {app}'s, to a test server that agreed to take them. "
            "They say nothing of its own servers and its messages.",
            app=name,
        )
    yield say(
        "must not write",
        "“The regulator, the state or the operator did it”, or why: something on the path tells calls apart, and no "
        "measurement says who or why.",
    )
    if event.network == EVERYWHERE:
        yield say("must not write", "“Everywhere in the country”: counted are networks that somebody measured.")
    else:
        yield say("must not write", "“In the whole country”: this is one network. The page “now” counts how many.")
    yield from _by_kind(event)
    yield count(
        "must not write",
        "“At least {number} person was affected”: that is who measured, not who is affected.",
        "“At least {number} people were affected”: that is who measured, not who is affected.",
        event.contributors,
    )


def event_phrase(event: Event, operator: str = "", well: str = "") -> str:
    """The main sentence about an event."""
    if event.medium == "text":
        return _messages_phrase(event, operator, well)
    known = _known_phrase(event, operator) | {"well": well}
    return {
        "ended": say(
            "may write",
            "On {network}, what looks like {app} ({medium}) fares like other traffic again: the restriction ended "
            "after {low}, and not after {high}.",
            **known,
        ),
        "changed": say(
            "may write",
            "On {network}, what holds back {app} ({medium}) changed after {low}, and not after {high}.",
            **known,
        ),
        "well before": say(
            "may write",
            "On {network}, what looks like {app} ({medium}) fared worse than control traffic sent at the same moments "
            "on {high}. Reports of {well} say that nothing was restricted then; too few to tell the day that it began.",
            **known,
        ),
        "since ever": say(
            "may write",
            "On {network}, what looks like {app} ({medium}) fared worse than control traffic sent at the same moments "
            "on {high}, and perhaps since the first day measured: nobody knows since when.",
            **known,
        ),
        "began": say(
            "may write",
            "On {network}, what looks like {app} ({medium}) began to fare worse than control traffic sent at the same "
            "moments after {low}, and not after {high}.",
            **known,
        ),
    }[_what_happened(event, well)]


def _what_happened(event: Event, well: str) -> str:
    """What is told of one network: what ended, changed or began, or since when it may be so."""
    if event.kind in ("ended", "changed") or event.onset_low is not None:
        return event.kind if event.kind in ("ended", "changed") else "began"
    return "well before" if well else "since ever"


def _country_phrase(event: Event) -> str:
    """The sentence about a whole country: the first of its networks, or the last."""
    counted = {"country": country_name(event.country), "hit": event.hit, "measured": event.measured}
    known = _known_phrase(event) | counted
    if event.kind == "ended":
        return say(
            "may write",
            "In {country}, the last network that held back {app} ({medium}) did so no more after {low}, and not after "
            "{high}.",
            **known,
        )
    if event.kind == "changed":
        return say(
            "may write",
            "In {country}, what holds back {app} ({medium}) changed on {hit} of {measured} networks measured; since a "
            "day after {low}, and not after {high}, more networks name this than anything else.",
            **known,
        )
    return say(
        "may write",
        "In {country}, {app} ({medium}) began to be held back on {hit} of {measured} networks measured; on the first "
        "of them not after {high}.",
        **known,
    )


def _messages_phrase(event: Event, operator: str, well: str) -> str:
    """Messages have no control traffic: they are compared with other traffic."""
    known = _known_phrase(event, operator) | {"well": well}
    return {
        "ended": say(
            "may write",
            "On {network}, messages of {app} get through again, since a day after {low} and not after {high}.",
            **known,
        ),
        "changed": say(
            "may write",
            "On {network}, what holds back messages of {app} changed after {low}, and not after {high}.",
            **known,
        ),
        "well before": say(
            "may write",
            "On {network}, messages of {app} did not get through while other traffic did, on {high}. Reports of {well} "
            "say that nothing was restricted then; too few to tell the day that it began.",
            **known,
        ),
        "since ever": say(
            "may write",
            "On {network}, messages of {app} did not get through while other traffic did, on {high}, and perhaps since "
            "the first day measured: nobody knows since when.",
            **known,
        ),
        "began": say(
            "may write",
            "On {network}, messages of {app} stopped getting through while other traffic did, after {low}, and not "
            "after {high}.",
            **known,
        ),
    }[_what_happened(event, well)]


def _known_phrase(event: Event, operator: str = "") -> dict[str, object]:
    return {
        "network": network_name(event.network, operator),
        "app": app_name(event.app),
        "medium": medium_name(event.medium),
        "low": event.onset_low or "",
        "high": event.onset_high,
    }


def _level_phrase(event: Event) -> str:
    if event.level == "signal":
        return say("may write", "This is a first sign, and not confirmed.")
    if event.contributors < 2:
        return say(
            "may write",
            "It counts as confirmed here although all reports may be one person's: this observatory's operator set the "
            "smallest number of people to one.",
        )
    if event.level == "confirmed":
        return _confirmed_phrase(event)
    return say("may write", "It is confirmed: reports agree, whatever any two of their test servers say.")


def _confirmed_phrase(event: Event) -> str:
    if event.network == EVERYWHERE:
        return say("may write", "It is confirmed: reports agree, and test servers vouch for them.")
    if event.servers < 2:
        return say("may write", "It is confirmed: reports agree, but one test server alone vouches for them.")
    return say(
        "may write", "It is confirmed: reports agree. Test servers that vouch for them: {number}.", number=event.servers
    )


def _by_kind(event: Event) -> Iterator[str]:
    if event.level == "signal":
        yield say("must not write", "“It is confirmed”: it is not, and may turn out to be nothing.")
    else:
        yield say(
            "must not write",
            "“Independent people confirm it”: people are told apart by their addresses alone, and one may have many.",
        )
    if event.kind == "ended":
        yield say("must not write", "“The order was lifted”: that all is well again does not tell why.")
    elif event.medium != "text":
        yield say(
            "must not write",
            "A share of calls that fail: shares on these pages are of packets, reports or networks, as each says.",
        )
