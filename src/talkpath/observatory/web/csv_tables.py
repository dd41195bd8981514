"""What the charts and tables of a page show, as CSV (RFC 4180). Only what the page itself shows is in it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from io import StringIO

from msgspec import Struct

from talkpath.observatory.web.event import EventList
from talkpath.observatory.web.network import NetworkPage
from talkpath.observatory.web.now import NowPage
from talkpath.observatory.web.transports import TransportRow, TransportsPage

Row = Sequence[object]
EVENT = ("id", "kind", "level", "country", "network", "app", "medium", "onset_low", "onset_high", "count",
         "contributors", "rule")  # fmt: skip


def csv_table(view: Struct, *, simulated: bool) -> str | None:
    """The page's numbers; None where it has none. Each row says whether it is simulated."""
    match view:
        case NowPage():
            rows = list(_now(view))
        case NetworkPage():
            rows = list(_network(view))
        case EventList():
            rows = [EVENT, *([getattr(event, name) for name in EVENT] for event in view.events)]
        case TransportsPage():
            names = TransportRow.__struct_fields__
            rows = [names, *([getattr(row, name) for name in names] for row in view.rows)]
        case _:
            return None
    out = StringIO()
    marks = ["simulated", *[str(simulated).lower()] * (len(rows) - 1)]
    csv.writer(out).writerows([*row, mark] for row, mark in zip(rows, marks, strict=True))
    return out.getvalue()


def _now(view: NowPage) -> Iterator[Row]:
    yield "country", "day", "app", "medium", "networks_measured", "networks_restricted"
    for app in view.apps:
        for day in app.days:
            yield view.country, day.day, day.app, day.medium, day.measured, day.hit


def _network(view: NetworkPage) -> Iterator[Row]:
    yield "country", "network", "day", "app", "medium", "state", "reports", "reports_restricted", "withheld"
    for stream in view.streams:
        for day in stream.days:
            known = (day.state, day.reports, day.restricted, "") if not day.withheld else ("", "", "", day.withheld)
            yield view.country, view.network, day.day, stream.app, stream.medium, *known
