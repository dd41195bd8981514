"""The page of events: filtered, and grouped where the same change happened on many networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from msgspec import Struct

from talkpath.observatory.detect.find import LEVEL_NAMES
from talkpath.observatory.events.record import EVERYWHERE, Event
from talkpath.observatory.publication import PublicationView
from talkpath.observatory.web.labels import app_name
from talkpath.observatory.web.site import PageQuery, Site, page_of_rows
from talkpath.observatory.web.source import PageSource, Span

MAX_EVENT_ROWS = 8  # groups a page: it stays short on a phone
FILTERS = ("app", "medium", "kind", "level", "network")
EVENT_KINDS = ("began", "changed", "ended", "withdrawn")
GROUPS: dict[str, Callable[[Event], tuple[str, ...]]] = {
    "change": lambda event: (event.onset_high, event.app, event.medium, event.kind, str(event.network == EVERYWHERE)),
    "network": lambda event: (event.network,),
    "app": lambda event: (event.app, event.medium),
    "none": lambda event: (event.id,),
}


class EventGroup(Struct, frozen=True):
    """Events with something in common, the latest first. A name is "" where they differ in it; of `level` it is the
    highest, of the days the first and the last. `events` are their ids."""

    kind: str
    app: str
    medium: str
    level: str
    networks: tuple[str, ...]
    onset_low: str | None
    onset_high: str
    first_onset: str
    events: tuple[str, ...]


class EventFilter(Struct, frozen=True):
    """What was asked for: "" is anything. `network` is a number ("AS64496") or a part of an operator's name."""

    app: str = ""
    medium: str = ""
    kind: str = ""
    level: str = ""
    network: str = ""
    span: Span = Span()
    group: str = "change"


class EventList(Struct, frozen=True):
    """The events of a country that may be shown and were asked for, the latest first, in groups, with page numbers.
    `found` of `all` events were asked for; `events` are those of this page's groups; `apps` those that can be asked
    for."""

    country: str
    countries: tuple[str, ...]
    asked: EventFilter
    apps: tuple[str, ...]
    found: int
    all: int
    groups: tuple[EventGroup, ...]
    events: tuple[Event, ...]
    page: int
    pages: int
    schema: str = "talkpath.page.events/1"


def event_list(source: PageSource, site: Site, asked: PageQuery) -> EventList | None:
    """The page; None where there is no such country, or something was asked for that there is not."""
    countries = source.findings.countries
    country = asked.get("country") or next(iter(countries), "")
    wanted = _event_filter(asked)
    if wanted is None or (country and country not in countries):
        return None
    events = source.events(country)
    shown = PublicationView.of(site.publication, site.today(), events).shown_events(events)
    ordered = sorted(shown, key=lambda one: (one.onset_high, one.id), reverse=True)
    chosen = [event for event in ordered if _event_is_wanted(event, wanted, site.operator(event.network))]
    groups, page, pages = page_of_rows(_event_groups(chosen, wanted.group), asked, MAX_EVENT_ROWS)
    here = {name for group in groups for name in group.events}
    return EventList(
        country=country,
        countries=countries,
        asked=wanted,
        apps=tuple(sorted({event.app for event in shown}, key=app_name)),
        found=len(chosen),
        all=len(shown),
        groups=groups,
        events=tuple(event for event in chosen if event.id in here),
        page=page,
        pages=pages,
    )


def _event_filter(asked: PageQuery) -> EventFilter | None:
    span, group = asked.span(), asked.get("group") or "change"
    choices = {
        "medium": ("voice", "video", "text"),
        "kind": EVENT_KINDS,
        "level": tuple(LEVEL_NAMES.values()),
        "group": GROUPS,
    }
    known = {name: asked.get(name) for name in FILTERS}
    if span is None or any(said and said not in choices[name] for name, said in known.items() if name in choices):
        return None
    return EventFilter(**known, span=span, group=group) if group in GROUPS else None


def _event_is_wanted(event: Event, wanted: EventFilter, operator: str) -> bool:
    same = all(getattr(wanted, name) in ("", getattr(event, name)) for name in ("app", "medium", "kind", "level"))
    return same and wanted.span.holds(event.onset_high) and names_network(wanted.network, event.network, operator)


def names_network(text: str, network: str, operator: str) -> bool:
    """Whether a text means the network: its number, with or without AS, or a part of its operator's name."""
    plain = text.strip().casefold()
    return plain in ("", network.casefold(), network.casefold().removeprefix("as")) or plain in operator.casefold()


def _event_groups(events: Sequence[Event], name: str) -> list[EventGroup]:
    """The groups, that with the latest event first."""
    key = GROUPS[name]
    groups = [_event_group(list(found)) for _, found in groupby(sorted(events, key=key), key=key)]
    return sorted(groups, key=lambda group: (group.onset_high, group.events), reverse=True)


def _event_group(found: Sequence[Event]) -> EventGroup:
    latest_first = sorted(found, key=lambda one: (one.onset_high, one.id), reverse=True)
    levels = tuple(LEVEL_NAMES.values())
    lows = [event.onset_low for event in found]
    return EventGroup(
        kind=_common_value(found, "kind"),
        app=_common_value(found, "app"),
        medium=_common_value(found, "medium"),
        level=max((event.level for event in found), key=levels.index),
        networks=tuple(dict.fromkeys(event.network for event in latest_first)),
        onset_low=None if None in lows else min(filter(None, lows)),
        onset_high=latest_first[0].onset_high,
        first_onset=latest_first[-1].onset_high,
        events=tuple(event.id for event in latest_first),
    )


def _common_value(found: Sequence[Event], name: str) -> str:
    """What all have in common under a name, "" where they differ."""
    values: set[Any] = {getattr(event, name) for event in found}
    return str(values.pop()) if len(values) == 1 else ""
