"""What the index is asked: day counts, countries, the latest state, transports, single reports, totals.

Every function takes a `Store` and gives frozen records. Days are of UTC as 2026-11-24, `since` and `until` included.
A filter left out is no filter. `restricted`, `ok`, `closed`, `impaired`, `unreachable` and `undecided` count reports
by their state; `failed` counts taps, which know no other. `contributors` is at least so many people: those of the day
key under which most were counted, 1 where nobody could be told apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from talkpath.observatory.index.rows import ReportRow
from talkpath.observatory.index.store import Store

Record = TypeVar("Record", bound=Struct)
FIRST, LAST = "1970-01-01", "2149-06-06"  # of ClickHouse's Date
DECIDED = "restricted + ok + closed + impaired"


class DayCount(Struct, frozen=True, gc=False):
    """One day, network, app, medium, source and basis.

    `rules` and `directions` count what the restricted ones name, `responders` the reports of each far end's key,
    `responders_restricted` those of them that say restricted. `p` to `p_high` are the medians of the estimates of the
    share dropped and of both ends of their intervals.
    """

    day: str
    country: str
    network: str
    app: str
    medium: str
    source: str
    basis: str
    reports: int
    restricted: int
    ok: int
    closed: int
    impaired: int
    unreachable: int
    undecided: int
    failed: int
    contributors: int
    restricted_contributors: int
    rules: dict[str, int]
    directions: dict[str, int]
    responders: dict[str, int]
    responders_restricted: dict[str, int]
    p: float | None
    p_low: float | None
    p_high: float | None
    simulated: bool


class CountryDay(Struct, frozen=True, gc=False):
    """The same over all networks of a country. `networks` were measured, on `networks_restricted` a report says so."""

    day: str
    country: str
    app: str
    medium: str
    source: str
    basis: str
    reports: int
    restricted: int
    ok: int
    closed: int
    impaired: int
    unreachable: int
    undecided: int
    failed: int
    contributors: int
    networks: int
    networks_restricted: int
    simulated: bool


class Latest(Struct, frozen=True, gc=False):
    """The last day on which anything was decided of a network, app and medium: all sources of that day but taps."""

    country: str
    network: str
    app: str
    medium: str
    day: str
    restricted: int
    ok: int
    closed: int
    impaired: int
    contributors: int
    simulated: bool

    @property
    def reports(self) -> int:
        """Decided ones."""
        return self.restricted + self.ok + self.closed + self.impaired


class Carries(Struct, frozen=True, gc=False):
    """One transport on one network: of `reports` that asked, `carried` say that one could talk."""

    country: str
    network: str
    app: str
    medium: str
    transport: str
    reports: int
    carried: int
    last_day: str


class Totals(Struct, frozen=True):
    """Of everything. `reports` counts apps and media; a check has several."""

    reports: int
    restricted: int
    taps: int
    countries: int
    networks: int
    first_day: str
    last_day: str
    simulated: bool


def day_counts(store: Store, *, since: str = FIRST, until: str = LAST, **only: str) -> list[DayCount]:
    """In order of country, day, network, app, medium, source. `only`: country, network, app, medium, source, basis."""
    columns = ", ".join("toString(day)" if name == "day" else name for name in DayCount.__struct_fields__)
    where, values = _where(since, until, only)
    found = store.query(
        f"SELECT {columns} FROM day_count FINAL WHERE {where} AND reports > 0 "
        "ORDER BY country, day, network, app, medium, source, basis",
        **values,
    )
    return _records(DayCount, found)


def country_days(store: Store, *, since: str = FIRST, until: str = LAST, **only: str) -> list[CountryDay]:
    """In order of day, country, app, medium, source. `only`: country, app, medium, source, basis."""
    columns = ", ".join("toString(day)" if name == "day" else name for name in CountryDay.__struct_fields__)
    where, values = _where(since, until, only)
    found = store.query(
        f"SELECT {columns} FROM country_day FINAL WHERE {where} AND reports > 0 "
        "ORDER BY day, country, app, medium, source, basis",
        **values,
    )
    return _records(CountryDay, found)


def latest(store: Store, *, since: str = FIRST, until: str = LAST, **only: str) -> list[Latest]:
    """In order of country, network, app, medium. `only`: country, network, app, medium."""
    where, values = _where(since, until, only)
    sums = "sum(restricted), sum(ok), sum(closed), sum(impaired), max(contributors), max(simulated)"
    stream = "country, network, app, medium"
    found = store.query(
        f"SELECT {stream}, toString(day), {sums} FROM day_count FINAL "
        f"WHERE {where} AND {DECIDED} > 0 GROUP BY {stream}, day ORDER BY {stream}, day DESC LIMIT 1 BY {stream}",
        **values,
    )
    return _records(Latest, found)


def transports(store: Store, *, since: str = FIRST, until: str = LAST, **only: str) -> list[Carries]:
    """In order of country, network, app, medium, transport. `only`: country, network, app, medium, transport."""
    where, values = _where(since, until, only)
    key = "country, network, app, medium, transport"
    found = store.query(
        f"SELECT {key}, sum(reports), sum(carried), toString(max(day)) FROM carry_day FINAL "
        f"WHERE {where} AND reports > 0 GROUP BY {key} ORDER BY {key}",
        **values,
    )
    return _records(Carries, found)


def reports(store: Store, *, since: str = FIRST, until: str = LAST, limit: int = 100, **only: str) -> list[ReportRow]:
    """The newest first. `only`: country, network, app, medium, source, state, rule, report."""
    dated = ("day", "received")
    columns = ", ".join(f"toString({name})" if name in dated else name for name in ReportRow.__struct_fields__)
    where, values = _where(since, until, only)
    found = store.query(
        f"SELECT {columns} FROM report FINAL WHERE {where} AND NOT withdrawn "
        "ORDER BY day DESC, country, network, app, medium, source, basis, report LIMIT {limit:UInt32}",
        **values,
        limit=limit,
    )
    return _records(ReportRow, found)


def totals(store: Store) -> Totals:
    """Of all that was not withdrawn."""
    sums = "sum(reports), sum(restricted), sum(failed), uniqExactIf(country, country != 'ZZ')"
    days = "toString(min(day)), toString(max(day)), max(simulated)"
    counted = store.query(f"SELECT {sums}, {days} FROM country_day FINAL WHERE reports > 0")[0]
    networks = store.query("SELECT uniqExactIf(network, network != 'AS0') FROM day_count WHERE reports > 0")
    whole, restricted, taps, countries, first_day, last_day, simulated = counted
    if not whole:
        return Totals(0, 0, 0, 0, 0, "", "", False)
    return Totals(whole - taps, restricted, taps, countries, networks[0][0], first_day, last_day, bool(simulated))


def _records(kind: type[Record], found: Iterable[tuple[Any, ...]]) -> list[Record]:
    """Rows whose columns are the record's fields, in order."""
    names = kind.__struct_fields__
    return msgspec.convert([dict(zip(names, row, strict=True)) for row in found], list[kind], strict=False)  # type: ignore[valid-type]


def _where(since: str, until: str, only: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """The condition, and the values of its parameters. Names are those of columns, written by callers in this house."""
    named = [f"{name} = {{{name}:String}}" for name in only]
    return " AND ".join(["day BETWEEN {since:Date} AND {until:Date}", *named]), {"since": since, "until": until, **only}
