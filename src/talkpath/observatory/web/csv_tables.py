"""What the charts and tables of a page show, as CSV (RFC 4180). Only what the page itself shows is in it."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from functools import singledispatch
from io import StringIO

from msgspec import Struct

from talkpath.observatory.index.queries import TransportShare
from talkpath.observatory.web.views.claims import ClaimsPage, ClaimSummary
from talkpath.observatory.web.views.events import EventList
from talkpath.observatory.web.views.network import NetworkPage, StreamView
from talkpath.observatory.web.views.now import AppRow, NowPage
from talkpath.observatory.web.views.picture import CountryPicture, MapPicture, NetworkPicture, SeriesPage, StripPicture
from talkpath.observatory.web.views.transports import TransportsPage
from talkpath.report.printable import printable

Row = Sequence[object]
FORMULA = ("=", "+", "-", "@", "\t", "\r")
COUNTRY_COLUMNS = ("country", "day", "app", "medium", "networks_measured", "networks_restricted")
NETWORK_COLUMNS = ("country", "network", "day", "app", "medium", "state", "reports", "reports_restricted", "withheld")
EVENT = (
    "id",
    "kind",
    "level",
    "country",
    "network",
    "app",
    "medium",
    "onset_low",
    "onset_high",
    "count",
    "contributors",
    "rule",
)


def csv_table(view: Struct, *, simulated: bool, operator: Callable[[str], str] = lambda network: "") -> str | None:
    """The page's numbers; None where it has none. Each row names the operator of its network, where it has one and that
    is known, and says whether it is simulated."""
    found = list(_table_rows(view))
    if not found:
        return None
    head, *rows = found
    place = head.index("network") if "network" in head else None
    names = ["" if place is None else operator(str(row[place])) for row in rows]
    mark = str(simulated).lower()
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow([*head, *([] if place is None else ["operator"]), "simulated"])
    for row, name in zip(rows, names, strict=True):
        writer.writerow(map(_cell, [*row, *([] if place is None else [name]), mark]))
    return out.getvalue()


def _cell(value: object) -> object:
    """A value that no spreadsheet takes for a formula, and that steers no terminal."""
    if not isinstance(value, str):
        return value
    return f"'{printable(value)}" if value.startswith(FORMULA) else printable(value)


def has_table(kind: type[Struct]) -> bool:
    """Whether views of this kind have numbers."""
    return _table_rows.dispatch(kind) is not _table_rows.dispatch(Struct)


@singledispatch
def _table_rows(view: Struct) -> Iterator[Row]:
    yield from ()


@_table_rows.register
def _(view: NowPage) -> Iterator[Row]:
    yield COUNTRY_COLUMNS
    for app in view.apps:
        yield from _country_days(view.country, app)


@_table_rows.register
def _(view: CountryPicture) -> Iterator[Row]:
    yield COUNTRY_COLUMNS
    yield from _country_days(view.country, view.row)


@_table_rows.register
def _(view: MapPicture) -> Iterator[Row]:
    yield COUNTRY_COLUMNS
    for day in view.countries:
        yield day.country, day.day, day.app, day.medium, day.measured, day.hit


@_table_rows.register
def _(view: NetworkPage) -> Iterator[Row]:
    yield NETWORK_COLUMNS
    for stream in view.streams:
        yield from _network_days(view.country, view.network, stream)


@_table_rows.register
def _(view: NetworkPicture) -> Iterator[Row]:
    yield NETWORK_COLUMNS
    yield from _network_days(view.country, view.network, view.stream)


@_table_rows.register
def _(view: StripPicture) -> Iterator[Row]:
    yield "country", "network", "day", "app", "medium", "state"
    for row in view.strip.rows:
        for day, state in row.states.items():
            yield view.country, row.network, day, view.strip.app, view.medium, state


@_table_rows.register
def _(view: SeriesPage) -> Iterator[Row]:
    yield "country", "network", "app", "medium", "step", "begin", "unit", "days", "measured", "restricted", "withheld"
    for point in view.points:
        head = (view.country, view.network, view.app, view.medium, view.step, point.begin, view.unit)
        yield *head, point.days, point.measured, point.restricted, point.withheld


@_table_rows.register
def _(view: EventList) -> Iterator[Row]:
    yield EVENT
    for event in view.events:
        yield [getattr(event, name) for name in EVENT]


@_table_rows.register
def _(view: TransportsPage) -> Iterator[Row]:
    names = TransportShare.__struct_fields__
    yield names
    for row in view.rows:
        yield [getattr(row, name) for name in names]


@_table_rows.register
def _(view: ClaimsPage) -> Iterator[Row]:
    names = ClaimSummary.__struct_fields__
    yield names
    for claim in view.claims:
        yield [getattr(claim, name) for name in names]


def _country_days(country: str, app: AppRow) -> Iterator[Row]:
    for day in app.days:
        yield country, day.day, day.app, day.medium, day.measured, day.hit


def _network_days(country: str, network: str, stream: StreamView) -> Iterator[Row]:
    for day in stream.days:
        known = (day.state, day.reports, day.restricted, "") if not day.withheld else ("", "", "", day.withheld)
        yield country, network, day.day, stream.app, stream.medium, *known
