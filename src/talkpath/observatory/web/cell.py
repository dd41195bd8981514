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

    `withheld` is "small" where too few people measured; everything else is empty then.
    """

    state: str = ""
    day: str = ""
    reports: int = 0
    contributors: int = 0
    rule: str | None = None
    level: str = ""
    event: str = ""
    withheld: Withheld = ""


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

    def cell(self, counted: Counted, event: Event | None) -> Cell | None:
        """A network's; `event` is the one that goes on there, if any does: then its state is `restricted`.

        None where it waits for its day: it must look like what nobody measured, since what is restricted is shown at
        once, and whatever waits is not.
        """
        state = "restricted" if event else counted.state
        ordered = self.ordered(counted.country, counted.app, counted.day)
        contributors = max(counted.contributors, event.contributors if event else 0)
        why = self.publication.by_network(state, contributors, counted.day, self.today, ordered=ordered)
        if why:
            return Cell(withheld=why) if why == "small" else None
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
        """Those that are shown, each without what is not: transports before their day, networks with few people."""
        few = {event.network for event in events if self.publication.by_country(event.contributors)}
        return [self._stripped(event, few) for event in events if not self.shows(event)]

    def _stripped(self, event: Event, few: set[str]) -> Event:
        if event.network == EVERYWHERE:
            return replace(event, carries=(), networks=tuple(name for name in event.networks if name not in few))
        ordered = self.ordered(event.country, event.app, event.onset_high)
        day = self.publication.release_day("transports", event.onset_high, ordered=ordered)
        return event if day <= self.today else replace(event, carries=())


def going_on(events: Sequence[Event]) -> dict[tuple[str, str, str], Event]:
    """(network, app, medium) -> the event that began there and did not end, with the rule that it has by now. Those of
    whole countries are none."""
    found: dict[tuple[str, str, str], Event] = {}
    for event in standing(events):
        if event.network == EVERYWHERE:
            continue
        key = (event.network, event.app, event.medium)
        if event.kind == "began":
            found[key] = event
        elif event.kind == "changed" and key in found:
            found[key] = replace(found[key], rule=event.rule)
        elif event.kind == "ended":
            found.pop(key, None)
    return found
