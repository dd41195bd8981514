"""Rolls events of networks up to their country: when the first was hit, by what most are, when the last was free.

A country has no counts of its own: pooled over networks, shares would change with who happens to report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

from msgspec.structs import replace

from talkpath.observatory.detect.counts import ReportCounts, summed_counts
from talkpath.observatory.events.record import EVERYWHERE, Event, Level, not_withdrawn

ORDER: tuple[Level, ...] = ("signal", "confirmed", "attack-resistant")


def roll_up(events: Iterable[Event], counts: Iterable[ReportCounts]) -> list[Event]:
    """The events of each country, app and medium. Signals count only where nothing is confirmed."""
    measured: dict[tuple[str, str, str], set[str]] = {}
    for one in counts:
        measured.setdefault((one.country, one.app, one.medium), set()).add(one.network)
    ordered = sorted(
        not_withdrawn(events), key=lambda event: (*_place_of(event), event.onset_high, event.kind != "ended")
    )
    found: list[Event] = []
    for place, group in groupby(ordered, key=_place_of):
        of_place = list(group)
        confirmed = [event for event in of_place if event.level != "signal"]
        found += _country_story(confirmed or of_place, len(measured.get(place, ())))
    return found


def _place_of(event: Event) -> tuple[str, str, str]:
    return event.country, event.app, event.medium


def _country_story(events: list[Event], measured: int) -> Iterator[Event]:
    """The events of one country, app and medium, in order of time."""
    hit: dict[str, Event] = {}
    began: Event | None = None
    rule: str | None = None
    for event in events:
        if event.kind == "ended":
            hit.pop(event.network, None)
            if began and not hit:
                yield _rolled_event([event], "ended", began.networks, measured, began.id, began.rule)
                began = None
            continue
        hit[event.network] = event
        if began is None:
            members = _restrictions_until_none(events, event)
            rule = _leading_rule(members)
            began = _rolled_event(members, "began", tuple(sorted(one.network for one in members)), measured, "", rule)
            yield began
        elif (new := _leading_rule(hit.values())) != rule and event.kind == "changed":
            rule = new
            alike = [one for one in hit.values() if one.rule == rule]
            rolled = _rolled_event(
                alike, "changed", tuple(sorted(one.network for one in alike)), measured, began.id, rule
            )
            days = {"onset_low": event.onset_low, "onset_high": event.onset_high, "known": event.known}
            yield replace(rolled, id=rolled.id.replace(rolled.onset_high, event.onset_high), **days)


def _restrictions_until_none(events: list[Event], first: Event) -> list[Event]:
    """All restrictions that began from this one on, until none was left."""
    members: dict[str, Event] = {}
    going: set[str] = set()
    for event in events[events.index(first) :]:
        if event.kind == "began":
            members.setdefault(event.network, event)
            going.add(event.network)
        elif event.kind == "ended":
            going.discard(event.network)
            if not going:
                break
    return list(members.values())


def _leading_rule(events: Iterable[Event]) -> str | None:
    named = Counter(event.rule for event in events if event.rule)
    return max(named, key=lambda rule: (named[rule], rule), default=None)


def _rolled_event(
    events: list[Event], kind: str, networks: tuple[str, ...], measured: int, began: str, rule: str | None
) -> Event:
    first = min(events, key=lambda event: event.onset_high)
    level = max((event.level for event in events), key=ORDER.index)
    return replace(
        first,
        id=f"{first.country}/{EVERYWHERE}/{first.app}/{first.medium}/{first.onset_high}/{kind}",
        network=EVERYWHERE,
        kind=kind,
        level=level,
        count=sum(event.count for event in events),
        contributors=max(event.contributors for event in events),
        rule=rule,
        began=began,
        simulated=any(event.simulated for event in events),
        known={
            name: min(event.known[name] for event in events if name in event.known)
            for name in ORDER
            if any(name in event.known for event in events)
        },
        sources=tuple(sorted({source for event in events for source in event.sources})),
        taps=sum(event.taps for event in events),
        checks=sum(event.checks for event in events),
        share=None,
        share_low=None,
        share_high=None,
        rules=summed_counts(event.rules for event in events),
        families=summed_counts(event.families for event in events),
        carries=tuple(sorted({name for event in events for name in event.carries})),
        bundles=(),
        networks=networks,
        measured=measured,
    )
