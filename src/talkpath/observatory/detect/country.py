"""Rolls events of networks up to their country: when the first was hit, by what most are, when the last was free.

A country has no counts of its own: pooled over networks, shares would change with who happens to report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

from msgspec.structs import replace

from talkpath.observatory.detect.counts import ReportCounts, summed_counts
from talkpath.observatory.events.record import EVERYWHERE, LAST_DAY, Event, Kind, Level, not_withdrawn

ORDER: tuple[Level, ...] = ("signal", "confirmed", "attack-resistant")


def roll_up(events: Iterable[Event], counts: Iterable[ReportCounts]) -> list[Event]:
    """The events of each country, app and medium. Signals count only where nothing is confirmed."""
    measured: dict[tuple[str, str, str], set[tuple[str, str]]] = {}
    for one in counts:
        if one.reports and one.source != "tap":  # whose call failed measured nothing, nor who could not tell
            measured.setdefault((one.country, one.app, one.medium), set()).add((one.day, one.network))
    ordered = sorted(
        not_withdrawn(events), key=lambda event: (*_place_of(event), event.onset_high, event.kind != "ended")
    )
    found: list[Event] = []
    for place, group in groupby(ordered, key=_place_of):
        of_place = list(group)
        confirmed = [event for event in of_place if event.level != "signal"]
        found += _country_story(confirmed or of_place, measured.get(place, set()))
    return found


def _place_of(event: Event) -> tuple[str, str, str]:
    return event.country, event.app, event.medium


def _country_story(events: list[Event], measured: set[tuple[str, str]]) -> Iterator[Event]:
    """The events of one country, app and medium, in order of time; `measured` are (day, network)."""
    hit: dict[str, Event] = {}
    began: Event | None = None
    rule: str | None = None
    for _, of_day in groupby(events, key=lambda event: event.onset_high):
        today = list(of_day)
        for event in today:
            if event.kind == "ended":
                hit.pop(event.network, None)
                if began and not hit:
                    ended = _rolled_event([event], "ended", began.measured, began.id, began.rule)
                    yield replace(ended, networks=began.networks, hit=began.hit)
                    began = None
                continue
            hit[event.network] = event
            if began is None:
                members, until = _restrictions_until_none(events, event)
                during = {network for day, network in measured if event.onset_high <= day <= until}
                rule = _leading_rule(members)
                began = _rolled_event(members, "began", len(during), "", rule)
                yield began
        changed = [event for event in today if event.kind == "changed"]
        if began and changed and (new := _leading_rule(hit.values())) != rule:
            rule = new
            yield _country_change(began, hit.values(), changed, rule)


def _country_change(began: Event, hit: Iterable[Event], changed: list[Event], rule: str | None) -> Event:
    """Another rule leads, since the changes of that day; it is about all networks that name it by then."""
    alike = [one for one in hit if one.rule == rule]
    latest = min(changed, key=lambda one: (one.rule != rule, one.onset_low or ""))
    rolled = _rolled_event(alike, "changed", began.measured, began.id, rule)
    name = rolled.id.replace(rolled.onset_high, latest.onset_high)
    return replace(rolled, id=name, onset_low=latest.onset_low, onset_high=latest.onset_high, known=latest.known)


def _restrictions_until_none(events: list[Event], first: Event) -> tuple[list[Event], str]:
    """All restrictions that began from this one on, until none was left; and the day of that."""
    members: dict[str, Event] = {}
    going: set[str] = set()
    for event in events[events.index(first) :]:
        if event.kind == "began":
            members.setdefault(event.network, event)
            going.add(event.network)
        elif event.kind == "ended":
            going.discard(event.network)
            if not going:
                return list(members.values()), event.onset_high
    return list(members.values()), LAST_DAY


def _leading_rule(events: Iterable[Event]) -> str | None:
    named = Counter(event.rule for event in events if event.rule)
    return max(named, key=lambda rule: (named[rule], rule), default=None)


def _rolled_event(events: list[Event], kind: Kind, measured: int, began: str, rule: str | None) -> Event:
    """What these events of networks say together. Whatever is said of all of them is as sure as the least sure one."""
    first = min(events, key=lambda event: event.onset_high)
    level = min((event.level for event in events), key=ORDER.index)
    networks = tuple(sorted(event.network for event in events))
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
            for name in ORDER[: ORDER.index(level) + 1]
            if any(name in event.known for event in events)
        },
        sources=tuple(sorted({source for event in events for source in event.sources})),
        taps=sum(event.taps for event in events),
        unvouched=sum(event.unvouched for event in events),
        servers=min(event.servers for event in events),
        checks=sum(event.checks for event in events),
        share=None,
        share_low=None,
        share_high=None,
        rules=summed_counts(event.rules for event in events),
        families=summed_counts(event.families for event in events),
        carries=tuple(sorted({name for event in events for name in event.carries})),
        bundles=(),
        networks=networks,
        hit=len(networks),
        measured=measured,
    )
