"""One state as a page shows it, after the rule of publication: a cell is shown whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct
from msgspec.structs import replace

from talkpath.observatory.events.record import EVERYWHERE, Event, not_withdrawn
from talkpath.observatory.index.queries import NetworkDayCount
from talkpath.observatory.publication import Order, Publication, Withheld, orders_of


class StateCell(Struct, frozen=True):
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
class PublicationView:
    """The rule of publication as it stands for one country on one day."""

    publication: Publication
    today: str
    orders: Sequence[Order]
    few: set[tuple[str, str]]

    @classmethod
    def of(cls, publication: Publication, today: str, events: Sequence[Event]) -> PublicationView:
        """The rule with what follows from the country's events: orders, and networks with too few people."""
        return cls(publication, today, orders_of(events), publication.few_people(events))

    def ordered(self, country: str, app: str, day: str) -> bool:
        """Whether the app was under an order."""
        return self.publication.ordered(country, app, day, self.orders)

    def cell(self, counted: NetworkDayCount, event: Event | None) -> StateCell | None:
        """A network's; `event` is the one that goes on there, if any does: then its state is `restricted`.

        None where it waits for its day: it must look like what nobody measured, since what is restricted is shown at
        once, and whatever waits is not.
        """
        state = "restricted" if event else counted.state
        ordered = self.ordered(counted.country, counted.app, counted.day)
        contributors = max(counted.contributors, event.contributors if event else 0)
        why = self.publication.by_network(state, contributors, counted.day, self.today, ordered=ordered)
        if why:
            return StateCell(withheld=why) if why == "small" else None
        return StateCell(
            state=state,
            day=counted.day,
            reports=counted.count,
            contributors=contributors,
            rule=event.rule if event else counted.rule if state == "restricted" else None,
            level=event.level if event else "",
            event=event.id if event else "",
        )

    def shows(self, event: Event) -> Withheld:
        """Why an event is not shown; "" where it is."""
        return self.publication.of_event(event, self.today, self.orders)

    def shown_events(self, events: Sequence[Event]) -> list[Event]:
        """The events that are shown, each without what is not."""
        return self.publication.shown_events(events, self.today, self.orders, self.few)


def going_on(events: Sequence[Event]) -> dict[tuple[str, str, str], Event]:
    """(network, app, medium) -> the event that began there and did not end, with the rule that it has by now. Those of
    whole countries are none."""
    found: dict[tuple[str, str, str], Event] = {}
    for event in not_withdrawn(events):
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
