"""One state as a page shows it, after the rule of publication: a cell is shown whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from talkpath.observatory.events.record import EVERYWHERE, Event, not_withdrawn
from talkpath.observatory.index.queries import NetworkDayCount
from talkpath.observatory.publication import PublicationView, Withheld


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


def state_cell(rule: PublicationView, counted: NetworkDayCount, event: Event | None = None) -> StateCell | None:
    """A network's; `event` is the one that goes on there, if any does: then its state is `restricted`.

    None where it waits for its day: it must look like what nobody measured, since what is restricted is shown at once,
    and whatever waits is not.
    """
    state = "restricted" if event else counted.state
    ordered = rule.ordered(counted.country, counted.app, counted.day)
    contributors = max(counted.contributors, event.contributors if event else 0)
    why = rule.publication.by_network(state, contributors, counted.day, rule.today, ordered=ordered)
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
