"""From events and network-days to reach: one figure an app and medium, and one for all apps together."""

from __future__ import annotations

from collections.abc import Sequence

from talkpath.observatory.events.network_days import NetworkDay
from talkpath.observatory.events.record import Event, not_withdrawn, restricted_spans
from talkpath.observatory.reach.estimate import Affected, ReachEstimate, estimate_reach, estimate_union
from talkpath.observatory.reach.tables import Audience, ReachTables


def all_reach(
    days: Sequence[NetworkDay], events: Sequence[Event], tables: ReachTables, seed: int = 0
) -> list[ReachEstimate]:
    """For each country and medium: each app that a confirmed event touches, then, of two or more, their union.

    Countries without a table of users, and apps without a figure of their audience, are left out.
    """
    found: list[ReachEstimate] = []
    confirmed = not_withdrawn(events)
    places = sorted({(event.country, event.medium) for event in confirmed if event.level != "signal"})
    for country, medium in places:
        if tables.users(country):
            found += _medium_reach(country, medium, days, confirmed, tables, seed)
    return found


def affected_networks(
    days: Sequence[NetworkDay], events: Sequence[Event], country: str, app: str, medium: str
) -> list[Affected]:
    """The networks with a confirmed event, and how many of the checks within it said `restricted`."""
    stream = (country, app, medium)
    own = [event for event in events if (event.country, event.app, event.medium) == stream]
    found: list[Affected] = []
    for network in sorted({event.network for event in own}):
        inside = list(restricted_spans([event for event in own if event.network == network]))
        seen = [day for day in days if day.stream == (country, network, app, medium)]
        seen = [day for day in seen if any(low <= day.day <= high for low, high in inside)]
        if seen:
            found.append(Affected(network, sum(day.restricted for day in seen), sum(day.count for day in seen)))
    return found


def _medium_reach(
    country: str, medium: str, days: Sequence[NetworkDay], events: Sequence[Event], tables: ReachTables, seed: int
) -> list[ReachEstimate]:
    last = max(day.day for day in days)
    apps = sorted({event.app for event in events if (event.country, event.medium) == (country, medium)})
    hit: dict[str, list[Affected]] = {}
    audiences: list[Audience] = []
    for app in apps:
        networks, audience = affected_networks(days, events, country, app, medium), tables.audience(app, country, last)
        if networks and audience is not None:
            hit[app] = networks
            audiences.append(audience)
    found = [estimate_reach(medium, hit[audience.app], audience, tables, seed) for audience in audiences]
    return [*found, estimate_union(medium, hit, audiences, tables, seed)] if len(audiences) > 1 else found
