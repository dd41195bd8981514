"""The page of one network: every app and medium by day, its events, and the transports that still carry calls.

What others measured on one network, in sentences: a check in a browser shows them beside its own result.

Contract: exactly what the network's page shows under the rule of publication; nothing where that shows nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from msgspec import Struct

from talkpath.observatory.events.record import Event
from talkpath.observatory.index.queries import NetworkDayCount, TransportShare
from talkpath.observatory.publication import PublicationView, Withheld
from talkpath.observatory.web.cell import StateCell, going_on, state_cell
from talkpath.observatory.web.site import PageQuery, Site
from talkpath.observatory.web.source import HALF_YEAR, PageSource, Span
from talkpath.report.words.amounts import numeral
from talkpath.report.words.language import say
from talkpath.report.words.sentences import app_name_of, medium_word, state_labels
from talkpath.responder.geoip import UNKNOWN_ORIGIN, NetworkOrigin


class DayCell(Struct, frozen=True):
    """One day; `restricted` of `reports` said so. All but the day is empty where it is withheld."""

    day: str
    state: str = ""
    restricted: int = 0
    reports: int = 0
    contributors: int = 0
    withheld: Withheld = ""


class StreamView(Struct, frozen=True):
    """One app and medium, its days without those that wait. Where what carries calls is not told yet,
    `carries_shown_on` says from which day it is."""

    app: str
    medium: str
    now: StateCell
    days: tuple[DayCell, ...]
    carries: tuple[TransportShare, ...] = ()
    carries_shown_on: str = ""


class NetworkPage(Struct, frozen=True):
    """The whole page. `operator`: the name of who runs the network, "" where it is not known."""

    country: str
    network: str
    streams: tuple[StreamView, ...]
    events: tuple[Event, ...]
    operator: str = ""
    span: Span = HALF_YEAR
    schema: str = "talkpath.page.network/1"


def network_page(source: PageSource, site: Site, asked: PageQuery) -> NetworkPage | None:
    """The page; None where nothing is known of the network."""
    country, name = asked.get("country"), asked.get("network")
    span = asked.span()
    found = source.network_days(country, name, span=span) if span else ()
    if span is None or not found:
        return None
    events = [event for event in source.events(country) if event.network == name and span.holds(event.onset_high)]
    rule = PublicationView.of(site.publication, site.today(), source.events(country))
    carries = source.carries(country, name)
    ordered = sorted(found, key=lambda day: (day.app, day.medium, day.day))
    return NetworkPage(
        country=country,
        network=name,
        streams=tuple(
            filter(
                None,
                (
                    stream_view(rule, list(days), events, carries)
                    for _, days in groupby(ordered, key=lambda day: (day.app, day.medium))
                ),
            )
        ),
        events=tuple(rule.shown_events(events)),
        operator=site.operator(name),
        span=span,
    )


def stream_view(
    rule: PublicationView, days: Sequence[NetworkDayCount], events: Sequence[Event], carries: Sequence[TransportShare]
) -> StreamView | None:
    """The view of one app and medium; `events` are those of its network. None where nothing may be shown yet."""
    shown = [(day, cell) for day in days if (cell := state_cell(rule, day)) is not None]
    if not shown:
        return None
    last = shown[-1][0]
    live = going_on(events).get((last.network, last.app, last.medium))
    of_stream = [one for one in carries if (one.app, one.medium) == (last.app, last.medium)]
    shown_on = _carries_shown_on(rule, last, of_stream)
    return StreamView(
        app=last.app,
        medium=last.medium,
        now=state_cell(rule, last, live) or shown[-1][1],
        days=tuple(_day_view(day, cell) for day, cell in shown),
        carries=() if shown_on else tuple(of_stream),
        carries_shown_on=shown_on,
    )


def _carries_shown_on(rule: PublicationView, last: NetworkDayCount, carries: Sequence[TransportShare]) -> str:
    """The day on which transports may be told, "" where they may be now. Few people: never."""
    if not carries:
        return ""
    newest = max(one.last_day for one in carries)
    ordered = rule.ordered(last.country, last.app, newest)
    if rule.publication.by_country(last.contributors):
        return "9999-12-31"
    shown_on = rule.publication.release_day("transports", newest, ordered=ordered)
    return shown_on if rule.today < shown_on else ""


def _day_view(day: NetworkDayCount, cell: StateCell) -> DayCell:
    if cell.withheld:
        return DayCell(day.day, withheld=cell.withheld)
    return DayCell(
        day=day.day, state=cell.state, restricted=day.restricted, reports=day.count, contributors=day.contributors
    )


OWN = "webrtc"  # what browsers measure is no app's


def sentences_of_others(source: PageSource, site: Site, where: NetworkOrigin) -> list[str]:
    """One sentence for each app and medium, signs of restriction first."""
    if UNKNOWN_ORIGIN.network == where.network or UNKNOWN_ORIGIN.country == where.country:
        return []
    found = network_page(source, site, PageQuery({"country": where.country, "network": where.network}))
    shown = [stream for stream in found.streams if not stream.now.withheld] if found else []
    ordered = sorted(shown, key=lambda stream: (stream.now.state != "restricted", stream.app, stream.medium))
    return [_stream_sentence(stream, stream.now, simulated=source.simulated) for stream in ordered]


def _stream_sentence(stream: StreamView, now: StateCell, *, simulated: bool) -> str:
    app = say("others", "calls of browsers") if stream.app == OWN else app_name_of(stream.app)
    text = say(
        "others",
        "{app} ({medium}), {day}: {label}. Reports: {reports}, from at least {people} people.",
        app=app,
        medium=medium_word(stream.medium),
        day=now.day,
        label=state_labels()[now.state],  # type: ignore[index]
        reports=numeral(now.reports),
        people=numeral(now.contributors),
    )
    return f"SIMULATED. {text}" if simulated else text
