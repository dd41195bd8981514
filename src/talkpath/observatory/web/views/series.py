"""A time series by country or network, for programs: one app and medium, by days, weeks or months.

Contract: a point adds up only days that may be shown. Of a country it counts days of networks, of a network reports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from itertools import groupby
from typing import Literal, NamedTuple

from msgspec import Struct

from talkpath.observatory.web.site import PageQuery, Site
from talkpath.observatory.web.source import PageSource
from talkpath.observatory.web.views.picture import country_picture, network_picture

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
    ordered = sorted(days)
    for begin, group in groupby(ordered, key=lambda one: begin_of(one.day)):
        of_step = list(group)
        yield SeriesPoint(
            begin=begin,
            days=sum(not one.withheld for one in of_step),
            measured=sum(one.measured for one in of_step),
            restricted=sum(one.restricted for one in of_step),
            withheld=sum(one.withheld for one in of_step),
        )
