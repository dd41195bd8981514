"""The page of one event: what it is, what it rests on, what may be written about it, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from talkpath.observatory.events.record import Event
from talkpath.observatory.publication import PublicationView
from talkpath.observatory.reach.estimate import ReachEstimate
from talkpath.observatory.web.cell import going_on
from talkpath.observatory.web.site import PageQuery, Site
from talkpath.observatory.web.source import PageSource
from talkpath.observatory.web.views.claims import ClaimSummary, claim_summaries
from talkpath.observatory.web.views.network import StreamView, stream_view
from talkpath.observatory.web.views.quotable import may_write, must_not


class EventPage(Struct, frozen=True):
    """The whole page.

    `history` are all records of the same restriction in order of time, this one among them. `current` is false where
    it was withdrawn. `networks_too` counts the country's other networks on which the same goes on, or that the event of
    a whole country is about. `may_write` and `must_not`
    are sentences in the language of the page. `touched` are the people of its network, `reach` those of the
    whole country.
    """

    event: Event
    current: bool
    history: tuple[Event, ...]
    stream: StreamView | None
    claims: tuple[ClaimSummary, ...]
    touched: ReachEstimate | None
    reach: tuple[ReachEstimate, ...]
    networks_too: int
    may_write: tuple[str, ...]
    must_not: tuple[str, ...]
    schema: str = "talkpath.page.event/1"


def event_page(source: PageSource, site: Site, asked: PageQuery) -> EventPage | None:
    """The page; None where there is no such event, or it is not published."""
    name = asked.get("id")
    country = name.partition("/")[0]
    events = source.events(country)
    found = next((one for one in events if one.id == name), None)
    rule = PublicationView.of(site.publication, site.today(), events)
    if found is None or rule.of_event(found):
        return None
    found = next(one for one in rule.shown_events(events) if one.id == name)
    history = rule.shown_events(event_chain(found, events))
    own = source.network_days(country, found.network, found.app, found.medium)
    of_network = [one for one in events if one.network == found.network]
    stream = stream_view(rule, own, of_network, source.carries(country, found.network)) if own else None
    same = [one for one in source.reach(country) if one.medium == found.medium and one.apps == (found.app,)]
    current = not any(one.kind == "withdrawn" for one in history)
    too = [key for key in going_on(events) if key[1:] == (found.app, found.medium) and key[0] != found.network]
    return EventPage(
        event=found,
        current=current,
        history=tuple(history),
        stream=stream,
        claims=tuple(_claims_counting(source, site, found)),
        touched=source.event_reach(found),
        reach=tuple(same) if found.level != "signal" else (),  # beside a first sign it would read as of that
        networks_too=found.hit or len(too),
        may_write=tuple(
            may_write(
                found,
                site.today(),
                current=current,
                operator=site.operator(found.network),
                well=last_day_well(stream, found.onset_high),
            )
        ),
        must_not=tuple(must_not(found)),
    )


def last_day_well(stream: StreamView | None, before: str) -> str:
    """The last day before that one on which reports said, all of them, that nothing was restricted; "" for none."""
    return max(
        (one.day for one in (stream.days if stream else ()) if one.day < before and one.reports and not one.restricted),
        default="",
    )


def event_chain(found: Event, events: Sequence[Event]) -> list[Event]:
    """The records of the same restriction: its beginning, its changes, its end, and what withdrew any of them."""
    by_name = {one.id: one for one in events}
    root = found
    while root.began and root.began in by_name:
        root = by_name[root.began]
    names = {root.id}
    for one in sorted(events, key=lambda one: len(one.id)):  # a withdrawal's id is that of its event and a word more
        if one.began in names:
            names.add(one.id)
    return sorted(
        (one for one in events if one.id in names), key=lambda one: (one.onset_high, one.kind == "withdrawn", one.id)
    )


def _claims_counting(source: PageSource, site: Site, found: Event) -> list[ClaimSummary]:
    """The claims whose result counted the event, either way."""
    names = {found.id, found.began}
    bears = {
        entry.claim for entry in source.findings.entries if any(names & set(part.events) for part in entry.own.parts)
    }
    return claim_summaries(source, site.publication, [one for one in source.claims if one.id in bears])
