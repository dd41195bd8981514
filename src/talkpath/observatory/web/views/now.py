"""The page *now*: one country and medium, networks by apps, and how many networks are affected by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from talkpath.observatory.claims.count import clopper_pearson
from talkpath.observatory.events.record import Event
from talkpath.observatory.index.queries import CountryDay, NetworkDayCount
from talkpath.observatory.publication import PublicationView
from talkpath.observatory.reach.estimate import ReachEstimate
from talkpath.observatory.web.cell import StateCell, going_on, state_cell
from talkpath.observatory.web.pictures.strip import Strip, app_strip, strip_span
from talkpath.observatory.web.site import PageQuery, Site, page_of_rows
from talkpath.observatory.web.source import HALF_YEAR, PageSource, Span

MEDIA_TABS = ("voice", "video", "text")
MAX_NETWORK_ROWS = 12  # networks a page: it stays short on a phone


class NetworkRow(Struct, frozen=True):
    """One network; a cell for each app of which something may be shown."""

    network: str
    cells: dict[str, StateCell]


class AppRow(Struct, frozen=True):
    """One app in the whole country: networks with signs of restriction, of those measured, with the 95 % interval of
    that share (Clopper and Pearson); counted by country, so that no network is told. `confirmed`: how many of these
    networks have an event that is more than a first sign. `first_onset`: the earliest."""

    app: str
    hit: int
    measured: int
    low: float
    high: float
    contributors: int
    confirmed: int
    first_onset: str = ""
    days: tuple[CountryDay, ...] = ()


class NowPage(Struct, frozen=True):
    """The whole page. `span`: the days that were asked for; with an end it is as things stood then.

    `withheld_apps` were measured by too few people in the whole country; `strip` is that of the app that was asked for,
    else of the one with most signs of restriction. `reach` is over all days: none stands beside an earlier one.
    """

    country: str
    countries: tuple[str, ...]
    medium: str
    apps: tuple[AppRow, ...]
    withheld_apps: tuple[str, ...]
    networks: tuple[NetworkRow, ...]
    page: int
    pages: int
    reach: tuple[ReachEstimate, ...]
    strip: Strip | None = None
    span: Span = HALF_YEAR
    schema: str = "talkpath.page.now/1"


def now_page(source: PageSource, site: Site, asked: PageQuery) -> NowPage | None:
    """The page; None where there is no such country or medium."""
    countries, span = source.findings.countries, asked.span()
    country, medium = asked.get("country") or next(iter(countries), ""), asked.get("medium") or "voice"
    if span is None or medium not in MEDIA_TABS or (country and country not in countries):
        return None
    events = source.events(country)
    rule = PublicationView.of(site.publication, site.today(), events)
    stands = _network_stands(
        source, country, medium, [one for one in events if (not span.until or one.onset_high <= span.until)], span
    )
    rows = _networks_by_stand(rule, stands)
    shown, withheld = _apps_by_people(rule, stands, source.country_days(country, medium, span))
    chosen, page, pages = page_of_rows(rows, asked, MAX_NETWORK_ROWS)
    return NowPage(
        country=country,
        countries=countries,
        medium=medium,
        apps=shown,
        withheld_apps=withheld,
        networks=chosen,
        page=page,
        pages=pages,
        reach=tuple(reach for reach in source.reach(country) if reach.medium == medium and not span.until),
        strip=_app_strip(source, rule, country, medium, asked.get("app"), shown, operators_of(site, chosen)),
        span=span,
    )


def operators_of(site: Site, rows: Sequence[NetworkRow]) -> dict[str, str]:
    """The operator of each network of a list, in its order; "" where it is not known."""
    return {row.network: site.operator(row.network) for row in rows}


def _app_strip(
    source: PageSource,
    rule: PublicationView,
    country: str,
    medium: str,
    app: str,
    apps: Sequence[AppRow],
    networks: Mapping[str, str],
) -> Strip | None:
    chosen = next((row for row in apps if row.app == app), max(apps, key=lambda row: row.hit, default=None))
    if chosen is None or not chosen.days:
        return None
    days = source.stream_days(country, chosen.app, medium, strip_span(chosen.days[-1].day))
    return app_strip(rule, chosen.app, days, networks)


class _Stand(NamedTuple):
    """How one app fares on one network, and the event that goes on there."""

    counted: NetworkDayCount
    event: Event | None

    @property
    def hit(self) -> bool:
        """Whether an event goes on there, or its reports say restricted."""
        return self.event is not None or self.counted.state == "restricted"


def _network_stands(source: PageSource, country: str, medium: str, events: Sequence[Event], span: Span) -> list[_Stand]:
    live = going_on(events)
    return [
        _Stand(counted, live.get((counted.network, counted.app, medium)))
        for counted in source.latest(country, medium, span)
    ]


def _networks_by_stand(rule: PublicationView, stands: Sequence[_Stand]) -> list[NetworkRow]:
    """The networks with most signs of restriction first, then by name."""
    cells: dict[str, dict[str, StateCell]] = {}
    for stand in stands:
        of_network = cells.setdefault(stand.counted.network, {})
        if (cell := state_cell(rule, stand.counted, stand.event)) is not None:
            of_network[stand.counted.app] = cell
    rows = [NetworkRow(network, found) for network, found in cells.items()]
    return sorted(rows, key=lambda row: (-sum(cell.state == "restricted" for cell in row.cells.values()), row.network))


def _apps_by_people(
    rule: PublicationView, stands: Sequence[_Stand], days: Sequence[CountryDay]
) -> tuple[tuple[AppRow, ...], tuple[str, ...]]:
    """(apps that may be shown, those that may not)."""
    shown, withheld = [], []
    for app in sorted({stand.counted.app for stand in stands}):
        row = _app_view(app, [stand for stand in stands if stand.counted.app == app], [d for d in days if d.app == app])
        if rule.publication.by_country(row.contributors):
            withheld.append(app)
        else:
            kept = tuple(day for day in row.days if not rule.publication.by_country(day.contributors))
            shown.append(replace(row, days=kept))
    return tuple(shown), tuple(withheld)


def _app_view(app: str, stands: Sequence[_Stand], days: Sequence[CountryDay]) -> AppRow:
    hit = sum(stand.hit for stand in stands)
    low, high = clopper_pearson(hit, len(stands))
    return AppRow(
        app=app,
        hit=hit,
        measured=len(stands),
        low=low,
        high=high,
        contributors=max((day.contributors for day in days), default=0),
        confirmed=sum(stand.event is not None and stand.event.level != "signal" for stand in stands),
        first_onset=min((stand.event.onset_high for stand in stands if stand.event), default=""),
        days=tuple(days),
    )
