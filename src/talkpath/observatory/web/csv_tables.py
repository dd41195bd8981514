"""What the charts and tables of a page show, as CSV (RFC 4180), in UTF-8 with the mark by which spreadsheets know it.

Only what the page itself shows is in it.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import StringIO
from itertools import chain
from typing import Any

from msgspec import Struct

from talkpath.observatory.index.queries import CountryDay, TransportShare
from talkpath.observatory.web.views.claims import ClaimsPage, ClaimSummary
from talkpath.observatory.web.views.events import EventList
from talkpath.observatory.web.views.network import NetworkPage, StreamView
from talkpath.observatory.web.views.now import NowPage
from talkpath.observatory.web.views.picture import CountryPicture, MapPicture, NetworkPicture, SeriesPage, StripPicture
from talkpath.observatory.web.views.transports import TransportsPage
from talkpath.report.printable import printable

Row = Sequence[object]
FORMULA = ("=", "+", "-", "@", "\t", "\r")
COUNTRY_COLUMNS = ("country", "day", "app", "medium", "networks_measured", "networks_restricted")
NETWORK_COLUMNS = ("country", "network", "day", "app", "medium", "state", "reports", "reports_restricted", "withheld")
SERIES_COLUMNS = (
    *("country", "network", "app", "medium", "step", "begin"),
    *("unit", "days", "measured", "restricted", "withheld"),
)
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
    "ip_versions",
    "servers",
)


def csv_table(view: Struct, *, simulated: bool, operator: Callable[[str], str] = lambda network: "") -> str | None:
    """The page's numbers; None where it has none. Each row names the operator of its network, where it has one and that
    is known, and says whether it is simulated."""
    if type(view) not in VIEW_TABLES:
        return None
    head, rows_of = VIEW_TABLES[type(view)]
    rows = [[getattr(row, name) for name in head] if isinstance(row, Struct) else row for row in rows_of(view)]
    place = head.index("network") if "network" in head else None
    names = ["" if place is None else operator(str(row[place])) for row in rows]
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow([*head, *([] if place is None else ["operator"]), "simulated"])
    for row, name in zip(rows, names, strict=True):
        writer.writerow(map(_cell, [*row, *([] if place is None else [name]), simulated]))
    return out.getvalue()


def _cell(value: object) -> object:
    """A value that no spreadsheet takes for a formula, and that steers no terminal; true and false as in JSON."""
    if not isinstance(value, str):
        return str(value).lower() if isinstance(value, bool) else value
    return f"'{printable(value)}" if value.startswith(FORMULA) else printable(value)


def has_table(kind: type[Struct]) -> bool:
    """Whether views of this kind have numbers."""
    return kind in VIEW_TABLES


def _country_days(country: str, days: Iterable[CountryDay]) -> Iterator[Row]:
    for day in days:
        yield country, day.day, day.app, day.medium, day.measured, day.hit


def _network_days(country: str, network: str, stream: StreamView) -> Iterator[Row]:
    for day in stream.days:
        known = (day.state, day.reports, day.restricted, "") if not day.withheld else ("", "", "", day.withheld)
        yield country, network, day.day, stream.app, stream.medium, *known


def _strip_days(view: StripPicture) -> Iterator[Row]:
    for row in view.strip.rows:
        for day, state in row.states.items():
            yield view.country, row.network, day, view.strip.app, view.medium, state


def _series_points(view: SeriesPage) -> Iterator[Row]:
    for point in view.points:
        head = (view.country, view.network, view.app, view.medium, view.step, point.begin, view.unit)
        yield *head, point.days, point.measured, point.restricted, point.withheld


VIEW_TABLES: dict[type[Struct], tuple[Sequence[str], Callable[[Any], Iterable[Struct | Row]]]] = {
    NowPage: (COUNTRY_COLUMNS, lambda view: chain(*(_country_days(view.country, app.days) for app in view.apps))),
    CountryPicture: (COUNTRY_COLUMNS, lambda view: _country_days(view.country, view.row.days)),
    MapPicture: (COUNTRY_COLUMNS, lambda view: chain(*(_country_days(day.country, [day]) for day in view.countries))),
    NetworkPage: (
        NETWORK_COLUMNS,
        lambda view: chain(*(_network_days(view.country, view.network, stream) for stream in view.streams)),
    ),
    NetworkPicture: (NETWORK_COLUMNS, lambda view: _network_days(view.country, view.network, view.stream)),
    StripPicture: (("country", "network", "day", "app", "medium", "state"), _strip_days),
    SeriesPage: (SERIES_COLUMNS, _series_points),
    EventList: (EVENT, lambda view: view.events),
    TransportsPage: (TransportShare.__struct_fields__, lambda view: view.rows),
    ClaimsPage: (ClaimSummary.__struct_fields__, lambda view: view.claims),
}
"""View -> its columns, and its rows: tuples, or records with the columns' names."""
