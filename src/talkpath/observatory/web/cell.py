"""One state as a page shows it, after the rule of publication: a cell is shown whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct
from msgspec.structs import replace

from talkpath.observatory.events import Event, standing
from talkpath.observatory.publication import Order, Publication, Withheld, orders_of
from talkpath.observatory.web.source import Counted

EVERYWHERE = "*"
"""The network of an event that was rolled up to its country."""


class Cell(Struct, frozen=True):
    """What the last measured day says of an app and medium on a network.

    Where `withheld` says why nothing is shown, everything else is empty, but `shown_on` (of `delay`): the day from
    which it will be.
    """

    state: str = ""
    day: str = ""
    reports: int = 0
    contributors: int = 0
    rule: str | None = None
    level: str = ""
    event: str = ""
    withheld: Withheld = ""
    shown_on: str = ""


@dataclass(frozen=True)
class Rule:
    """The rule of publication as it stands for one country on one day."""

    publication: Publication
    today: str
    orders: Sequence[Order]

    @classmethod
    def of(cls, publication: Publication, today: str, events: Sequence[Event]) -> Rule:
        """With the orders that follow from the country's events."""
        return cls(publication, today, orders_of(events))

    def ordered(self, country: str, app: str, day: str) -> bool:
        """Was the app under an order?"""
        return self.publication.ordered(country, app, day, self.orders)

    def cell(self, counted: Counted, event: Event | None) -> Cell:
        """A network's; `event` is the one that goes on there, if any does: then its state is `restricted`."""
        state = "restricted" if event else counted.state
        ordered = self.ordered(counted.country, counted.app, counted.day)
        contributors = max(counted.contributors, event.contributors if event else 0)
        why = self.publication.by_network(state, contributors, counted.day, self.today, ordered=ordered)
        if why:
            shown_on = self.publication.release_day(state, counted.day, ordered=True) if why == "delay" else ""
            return Cell(withheld=why, shown_on=shown_on)
        return Cell(
            state=state,
            day=counted.day,
            reports=counted.reports,
            contributors=contributors,
            rule=event.rule if event else counted.rule if state == "restricted" else None,
            level=event.level if event else "",
            event=event.id if event else "",
        )

    def shows(self, event: Event) -> Withheld:
        """An event. The end on one network says `ok` of that network, and waits as long as that does."""
        if event.network == EVERYWHERE:
            return self.publication.by_country(event.contributors)
        state = "ok" if event.kind == "ended" else "restricted"
        ordered = self.ordered(event.country, event.app, self.today)
        return self.publication.by_network(state, event.contributors, event.onset_high, self.today, ordered=ordered)

    def told(self, events: Sequence[Event]) -> list[Event]:
        """Those that are shown, each without what is not: transports before their day, networks of a country."""
        return [self._stripped(event) for event in events if not self.shows(event)]

    def _stripped(self, event: Event) -> Event:
        if event.network == EVERYWHERE:
            return replace(event, carries=(), networks=())
        ordered = self.ordered(event.country, event.app, event.onset_high)
        day = self.publication.release_day("transports", event.onset_high, ordered=ordered)
        return event if day <= self.today else replace(event, carries=())


def going_on(events: Sequence[Event]) -> dict[tuple[str, str, str], Event]:
    """(network, app, medium) -> the event that began there and did not end, with the rule that it has by now."""
    found: dict[tuple[str, str, str], Event] = {}
    for event in standing(events):
        key = (event.network, event.app, event.medium)
        if event.kind == "began":
            found[key] = event
        elif event.kind == "changed" and key in found:
            found[key] = replace(found[key], rule=event.rule)
        elif event.kind == "ended":
            found.pop(key, None)
    return found
