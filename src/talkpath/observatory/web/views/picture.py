"""One picture by itself, to be framed by other pages, or saved: the charts, the strip and the map of the pages.

A time series by country or network, for programs: one app and medium, by days, weeks or months.

Contract: a point adds up only days that may be shown. Of a country it counts days of networks, of a network reports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from itertools import groupby
from typing import Literal, NamedTuple

from msgspec import Struct

from talkpath.observatory.index.queries import CountryDay
from talkpath.observatory.publication import PublicationView
from talkpath.observatory.web.pictures.strip import Strip, app_strip, strip_span
from talkpath.observatory.web.site import PageQuery, Site
from talkpath.observatory.web.source import HALF_YEAR, PageSource, Span
from talkpath.observatory.web.views.network import StreamView, network_page
from talkpath.observatory.web.views.now import MEDIA_TABS, AppRow, now_page, operators_of


class CountryPicture(Struct, frozen=True):
    """The chart of one app in a country: networks with signs of restriction, day by day."""

    country: str
    medium: str
    row: AppRow
    span: Span = HALF_YEAR
    schema: str = "talkpath.page.country_chart/1"


class NetworkPicture(Struct, frozen=True):
    """The chart of one app on a network: reports that say restricted, day by day."""

    country: str
    network: str
    operator: str
    stream: StreamView
    span: Span = HALF_YEAR
    schema: str = "talkpath.page.network_chart/1"


class StripPicture(Struct, frozen=True):
    """Networks by days of one app in a country."""

    country: str
    medium: str
    strip: Strip
    schema: str = "talkpath.page.strip/1"


class MapPicture(Struct, frozen=True):
    """Each country's last measured day of one app. `withheld`: countries where too few people measured; `apps`: those
    that can be asked for."""

    app: str
    medium: str
    countries: tuple[CountryDay, ...]
    withheld: tuple[str, ...]
    apps: tuple[str, ...]
    span: Span = HALF_YEAR
    schema: str = "talkpath.page.map/1"


def country_picture(source: PageSource, site: Site, asked: PageQuery) -> CountryPicture | None:
    """The chart; None where there is nothing to show."""
    page = now_page(source, site, asked)
    row = next((one for one in page.apps if one.app == asked.get("app")), None) if page else None
    return CountryPicture(page.country, page.medium, row, page.span) if page and row and row.days else None


def network_picture(source: PageSource, site: Site, asked: PageQuery) -> NetworkPicture | None:
    """The chart; None where there is nothing to show."""
    page = network_page(source, site, asked)
    key = asked.get("app"), asked.get("medium")
    stream = next((one for one in page.streams if (one.app, one.medium) == key), None) if page else None
    return NetworkPicture(page.country, page.network, page.operator, stream, page.span) if page and stream else None


def strip_picture(source: PageSource, site: Site, asked: PageQuery) -> StripPicture | None:
    """The strip of all networks; None where there is nothing to show."""
    page = now_page(source, site, PageQuery(asked.values, whole=True))
    row = next((one for one in page.apps if one.app == asked.get("app")), None) if page else None
    if page is None or row is None or not row.days:
        return None
    rule = PublicationView.of(site.publication, site.today(), source.events(page.country))
    days = source.stream_days(page.country, row.app, page.medium, strip_span(row.days[-1].day))
    drawn = app_strip(rule, row.app, days, operators_of(site, page.networks))
    return StripPicture(page.country, page.medium, drawn) if drawn else None


def world_map(source: PageSource, site: Site, asked: PageQuery) -> MapPicture | None:
    """The map; None where there is no such app or medium."""
    span, medium = asked.span(), asked.get("medium") or "voice"
    apps = _apps_by_events(source, medium)
    app = asked.get("app") or next(iter(apps), "")
    if span is None or medium not in MEDIA_TABS or (app and app not in apps):
        return None
    days = source.world_days(app, medium, span)
    last = [list(found)[-1] for _, found in groupby(days, key=lambda day: day.country)]
    newest = max((day.day for day in last), default="")
    recent = [day for day in last if day.day >= strip_span(newest).since]
    small = [day for day in recent if site.publication.by_country(day.contributors)]
    return MapPicture(
        app=app,
        medium=medium,
        countries=tuple(day for day in recent if day not in small),
        withheld=tuple(day.country for day in small),
        apps=tuple(apps),
        span=span,
    )


def _apps_by_events(source: PageSource, medium: str) -> list[str]:
    """The apps with events of the medium, that which is held back on most networks first; then the others measured."""
    events = [
        event for country in source.findings.countries for event in source.events(country) if event.medium == medium
    ]
    counts: dict[str, int] = {}
    for event in events:
        counts[event.app] = counts.get(event.app, 0) + (event.kind == "began")
    return sorted(counts, key=lambda app: (-counts[app], app))


Unit = Literal["network-days", "reports"]


class SeriesPoint(Struct, frozen=True):
    """One step, by its first day: of `measured` units on `days` days, `restricted` were. `withheld`: days that too
    few people measured."""

    begin: str
    days: int
    measured: int
    restricted: int
    withheld: int


class SeriesPage(Struct, frozen=True):
    """The whole series; `network` is "" for a country."""

    country: str
    network: str
    app: str
    medium: str
    since: str
    until: str
    step: str
    unit: Unit
    points: tuple[SeriesPoint, ...]
    schema: str = "talkpath.page.series/1"


class _Day(NamedTuple):
    day: str
    measured: int
    restricted: int
    withheld: bool


def _week_begin(day: str) -> str:
    found = date.fromisoformat(day)
    return (found - timedelta(days=found.weekday())).isoformat()


STEP_BEGINS: Mapping[str, Callable[[str], str]] = {
    "day": lambda day: day,
    "week": _week_begin,
    "month": lambda day: f"{day[:7]}-01",
}
"""Step -> the first day of the one that a day belongs to; weeks begin on Mondays."""


def series_page(source: PageSource, site: Site, asked: PageQuery) -> SeriesPage | None:
    """The series; None where there is nothing to show, or the step is none of `STEP_BEGINS`."""
    step, network = asked.get("step") or "day", asked.get("network")
    wanted = PageQuery({**asked.values, "to": asked.get("until")}, whole=True)
    span = wanted.span()
    if step not in STEP_BEGINS or span is None:
        return None
    days = _network_days(source, site, wanted) if network else _country_days(source, site, wanted)
    if not days:
        return None
    return SeriesPage(
        country=asked.get("country"),
        network=network,
        app=asked.get("app"),
        medium=asked.get("medium"),
        since=span.since,
        until=span.until,
        step=step,
        unit="reports" if network else "network-days",
        points=tuple(_series_points(days, STEP_BEGINS[step])),
    )


def _country_days(source: PageSource, site: Site, wanted: PageQuery) -> list[_Day]:
    found = country_picture(source, site, wanted)
    return [_Day(one.day, one.measured, one.hit, False) for one in found.row.days] if found else []


def _network_days(source: PageSource, site: Site, wanted: PageQuery) -> list[_Day]:
    found = network_picture(source, site, wanted)
    days = found.stream.days if found else ()
    return [_Day(one.day, one.reports, one.restricted, bool(one.withheld)) for one in days]


def _series_points(days: list[_Day], begin_of: Callable[[str], str]) -> Iterable[SeriesPoint]:
    for begin, group in groupby(sorted(days), key=lambda one: begin_of(one.day)):
        of_step = list(group)
        yield SeriesPoint(
            begin=begin,
            days=sum(not one.withheld for one in of_step),
            measured=sum(one.measured for one in of_step),
            restricted=sum(one.restricted for one in of_step),
            withheld=sum(one.withheld for one in of_step),
        )
