"""What may be published of a cell, by network or only by country, and from which day: the one rule.

    a cell of fewer than `min_contributors` people   never by network, never by country
    restricted, closed                               at once
    anything else, and transports, under an order    by country at once, by network after `delay_days`
    anything else, without an order                  at once

What helps the person measured is shown at once; what would help a censor to tune a block is not broadcast. An order is
in force for an app in a country from its first confirmed event there until all of them ended, and where the operator
says so (`Order`). Both numbers are the operator's. Pages, feeds and the open data all use this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from talkpath.days import later_day
from talkpath.observatory.events.record import EVERYWHERE, LAST_DAY, Event, not_withdrawn

Withheld = Literal["", "small", "delay"]
"""Why a cell is not shown: "" it is; `small` too few people; `delay` not before its day."""

PUBLISHED_AT_ONCE = ("restricted", "closed")


class Order(Struct, frozen=True):
    """An app under an order in a country, from the day `begin` to `end`, both included."""

    country: str
    app: str
    begin: str
    end: str = LAST_DAY


class Publication(Struct, frozen=True):
    """The operator's settings, and the rule that follows from them. Days are of UTC, as 2026-11-24."""

    min_contributors: int = 5
    delay_days: int = 30
    orders: tuple[Order, ...] = ()

    @property
    def least_to_confirm(self) -> int:
        """How many people an event needs to be confirmed: two, unless the operator shows what one person measured."""
        return min(2, self.min_contributors)

    def by_country(self, contributors: int) -> Withheld:
        """Why a count over a whole country is not shown; "" where it is."""
        return "small" if contributors < self.min_contributors else ""

    def by_network(self, state: str, contributors: int, day: str, today: str, *, ordered: bool) -> Withheld:
        """Why one network's state on a day is not shown on `today`; "" where it is."""
        if self.by_country(contributors):
            return "small"
        return "delay" if today < self.release_day(state, day, ordered=ordered) else ""

    def release_day(self, state: str, day: str, *, ordered: bool) -> str:
        """The first day on which what a network's reports of that day say may be published by network.

        Transports that still carry are no state: "transports", or whatever is not in AT_ONCE.
        """
        if state in PUBLISHED_AT_ONCE or not ordered:
            return day
        return later_day(day, self.delay_days)

    def ordered(self, country: str, app: str, day: str, events: Sequence[Order] = ()) -> bool:
        """Whether the app was under an order there and then, by the operator's word or by `orders_of(events)`."""
        return any(
            order.begin <= day <= order.end and (order.country, order.app) == (country, app)
            for order in (*self.orders, *events)
        )

    def few_people(self, events: Iterable[Event]) -> set[tuple[str, str]]:
        """(country, network) of whoever is too few in one of the events; those of a country name none of these."""
        return {(event.country, event.network) for event in events if self.by_country(event.contributors)}


def orders_of(events: Iterable[Event]) -> list[Order]:
    """The orders that follow from confirmed events: for each app and country from the first onset until the last of
    them ended."""
    confirmed = [event for event in not_withdrawn(events) if event.level != "signal"]
    ends = {event.began: event.onset_high for event in confirmed if event.kind == "ended"}
    found: dict[tuple[str, str], Order] = {}
    for event in confirmed:
        if event.kind != "began":
            continue
        key, end = (event.country, event.app), ends.get(event.id, LAST_DAY)
        known = found.get(key, Order(*key, event.onset_high, end))
        found[key] = Order(*key, min(known.begin, event.onset_high), max(known.end, end))
    return list(found.values())


@dataclass(frozen=True)
class PublicationView:
    """The rule as it stands on one day: with the orders that are in force, and the (country, network) of whoever is too
    few in an event."""

    publication: Publication
    today: str
    orders: Sequence[Order]
    few: set[tuple[str, str]]

    @classmethod
    def of(cls, publication: Publication, today: str, events: Sequence[Event]) -> PublicationView:
        """The rule with what follows from the events as they are told now."""
        return cls(publication, today, orders_of(events), publication.few_people(events))

    def ordered(self, country: str, app: str, day: str) -> bool:
        """Whether the app was under an order."""
        return self.publication.ordered(country, app, day, self.orders)

    def of_event(self, event: Event) -> Withheld:
        """Why an event is not shown; "" where it is. The end on one network (and its withdrawal) says `ok` of it, and
        waits as long as that does."""
        if event.network == EVERYWHERE:
            return self.publication.by_country(event.contributors)
        state = "ok" if "/ended" in event.id else "restricted"
        ordered = self.ordered(event.country, event.app, self.today)
        return self.publication.by_network(state, event.contributors, event.onset_high, self.today, ordered=ordered)

    def shown_events(self, events: Iterable[Event]) -> list[Event]:
        """Those that are shown, each without what is not: transports before their day, networks with few people."""
        return [self._stripped(event) for event in events if not self.of_event(event)]

    def _stripped(self, event: Event) -> Event:
        if event.network == EVERYWHERE:
            networks = tuple(name for name in event.networks if (event.country, name) not in self.few)
            return replace(event, carries=(), networks=networks)
        ordered = self.ordered(event.country, event.app, event.onset_high)
        day = self.publication.release_day("transports", event.onset_high, ordered=ordered)
        return event if day <= self.today else replace(event, carries=())
