"""What the index is asked: day counts, countries, the latest state, transports.

Every function takes a `Store` and gives frozen records. Days are of UTC as 2026-11-24, `since` and `until` included.
A filter left out is no filter. `restricted`, `ok`, `closed`, `impaired`, `unreachable` and `undecided` count reports
by their state; `failed` counts taps, which know no other. `contributors` is at least so many people: those of the day
key under which most were counted, 1 where nobody could be told apart.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from talkpath.observatory.events.record import DecidedDay, StreamDay
from talkpath.observatory.index.store import Store

Record = TypeVar("Record", bound=Struct)
FIRST, LAST = "1970-01-01", "2149-06-06"  # of ClickHouse's Date
DECIDED_SUM = "restricted + ok + closed + impaired"


class DayCount(DecidedDay, frozen=True, kw_only=True, gc=False):
    """One day, network, app, medium, source, basis, and whether a listed test server vouches for it.

    `rules`, `directions` and `families` count what the restricted ones name, `responders` the reports of each far end's
    key, `responders_restricted` those of them that say restricted, `bundles` are the first few of these. Recordings
    have nothing to compare a call with: those that a restriction may explain are `consistent`, among the undecided, and
    what they are consistent with is among the `rules`, and who sent them among `restricted_contributors`. `p` is the
    median of the estimates of the share dropped.
    """

    source: str
    basis: str
    listed: bool
    reports: int
    unreachable: int
    undecided: int
    failed: int
    consistent: int
    contributors: int
    restricted_contributors: int
    rules: dict[str, int]
    directions: dict[str, int]
    families: dict[str, int]
    responders: dict[str, int]
    responders_restricted: dict[str, int]
    bundles: tuple[str, ...]
    p: float | None
    simulated: bool

    @property
    def vouched(self) -> bool:
        """Whether it counts for more than a first sign: somebody answers for the test server, or all is made up."""
        return self.listed or self.simulated


class NetworkDayCount(DecidedDay, frozen=True, gc=False):
    """The decided reports of one day about one app and medium on one network: all sources but taps.

    `contributors` is at least how many people sent them, `rule` the one that most of the restricted ones name.
    """

    contributors: int = 0
    rule: str | None = None

    @property
    def state(self) -> str:
        """The state of most of them; of two equally common ones the one that is worse for calls."""
        states = ("restricted", "closed", "impaired", "ok")
        return max(states, key=lambda state: (getattr(self, state), -states.index(state)))


class CountryDay(Struct, frozen=True, gc=False):
    """One day of one app and medium in a country: of `measured` networks (whose reports decided anything),
    `hit` had a restricted report. Sources are
    not added up, since they may be of the same networks and people: the largest is told; taps are left out."""

    day: str
    app: str
    medium: str
    measured: int
    hit: int
    contributors: int
    country: str = ""


class ReportVerdict(Struct, frozen=True):
    """What one report says of one app and medium, and where it counts."""

    country: str
    network: str
    app: str
    medium: str
    state: str
    rule: str | None


class TransportShare(Struct, frozen=True, gc=False):
    """Of `tried` reports that asked whether a transport ("tls/443") carries an app's calls, `carried` say yes; the last
    of them on `last_day`."""

    app: str
    medium: str
    transport: str
    carried: int
    tried: int
    last_day: str


class TransportDay(StreamDay, frozen=True, gc=False):
    """A day on which a transport carried calls."""

    transport: str


def day_counts(store: Store, *, since: str = FIRST, until: str = LAST, **only: str) -> list[DayCount]:
    """In order of country, day, network, app, medium, source. `only`: country, network, app, medium, source, basis."""
    return read_day_counts(day_count_lines(store, since=since, until=until, **only))


def day_count_lines(store: Store, *, since: str = FIRST, until: str = LAST, **only: str) -> bytes:
    """The same rows as JSON lines, for another process to read (`read_day_counts`)."""
    where, values = _where(only, since=since, until=until)
    order = "country, day, network, app, medium, source, basis, listed"
    return store.lines(_select(DayCount, f"day_count FINAL WHERE {where} AND reports > 0 ORDER BY {order}"), **values)


def read_day_counts(lines: bytes) -> list[DayCount]:
    """The rows of `day_count_lines`."""
    return _read(DayCount, lines)


def network_days(store: Store, *, since: str = FIRST, until: str = LAST, **only: str) -> list[NetworkDayCount]:
    """In order of country, network, app, medium, day. `only`: country, network, app, medium."""
    where, values = _where(only, since=since, until=until)
    key = "country, network, app, medium, day"
    sums = ", ".join(f"sum({name}) AS {name}" for name in ("restricted", "ok", "closed", "impaired"))
    named = "sumMap(rules) AS named"
    rule = "arraySort((key, number) -> (-number, key), mapKeys(named), mapValues(named))[1]"
    found = store.lines(
        f"SELECT {key}, {sums}, max(contributors) AS contributors, {named}, nullIf({rule}, '') AS rule "
        f"FROM day_count FINAL WHERE {where} AND source != 'tap' AND {DECIDED_SUM} > 0 GROUP BY {key} ORDER BY {key}",
        **values,
    )
    return _read(NetworkDayCount, found)


def country_days(store: Store, *, since: str = FIRST, until: str = LAST, **only: str) -> list[CountryDay]:
    """The decided days of countries, in order of country, app, medium and day."""
    where, values = _where(only, since=since, until=until)
    key = "country, app, medium, day"
    most = "max(networks) AS measured, max(networks_restricted) AS hit, max(contributors) AS contributors"
    decided = f"{where} AND source != 'tap' AND {DECIDED_SUM} > 0"
    rest = f"FROM country_day FINAL WHERE {decided} GROUP BY {key} ORDER BY {key}"
    return _read(CountryDay, store.lines(f"SELECT {key}, {most} {rest}", **values))


def latest_days(store: Store, *, since: str = FIRST, **only: str) -> list[NetworkDayCount]:
    """The last day of each stream that decided anything, in order of country, network, app, medium, without its rule.
    `only`: country, network, app, medium."""
    where, values = _where(only, month=since, since=since)
    stream = "country, network, app, medium"
    counts = f"{stream}, day, restricted, ok, closed, impaired, contributors"
    rest = f"{where} AND {DECIDED_SUM} > 0 ORDER BY {stream}, day DESC LIMIT 1 BY {stream}"
    return _read(NetworkDayCount, store.lines(f"SELECT {counts} FROM stream_month FINAL WHERE {rest}", **values))


def transport_shares(store: Store, *, since: str = FIRST, **only: str) -> list[TransportShare]:
    """What carried calls, by whole months from that of `since` on, all networks that are asked for together."""
    where, values = _where(only, month=since)
    key = "app, medium, transport"
    found = store.lines(
        f"SELECT {key}, sum(reports) AS tried, sum(carried) AS carried, max(last_day) AS last_day "
        f"FROM carry_month FINAL WHERE {where} AND reports > 0 GROUP BY {key} ORDER BY {key}",
        **values,
    )
    return _read(TransportShare, found)


def report_verdicts(store: Store, report: str, day: str) -> list[ReportVerdict]:
    """What one report of that day says, in order of app and medium; nothing where it was withdrawn."""
    rest = "report FINAL WHERE day = {day:Date} AND report = {report:String} AND NOT withdrawn ORDER BY app, medium"
    return _read(ReportVerdict, store.lines(_select(ReportVerdict, rest), report=report, day=day))


def carry_days(store: Store, **only: str) -> bytes:
    """`TransportDay` rows as JSON lines, of transports that carried calls."""
    where, values = _where(only)
    order = "country, network, app, medium, day, transport"
    return store.lines(
        _select(TransportDay, f"carry_day FINAL WHERE {where} AND carried > 0 ORDER BY {order}"), **values
    )


def read_carry_days(lines: bytes) -> list[TransportDay]:
    """The rows of `carry_days`."""
    return _read(TransportDay, lines)


def counted_countries(store: Store) -> dict[str, int]:
    """How far the log was read when anything of a country was counted last; all countries there are."""
    return dict(store.query("SELECT country, max(version) FROM country_day GROUP BY country ORDER BY country"))


def networks(store: Store) -> list[tuple[str, str]]:
    """Every (country, network) of which anything was decided, in order."""
    rest = f"FROM stream_month FINAL WHERE {DECIDED_SUM} > 0 AND network != 'AS0' ORDER BY country, network"
    return [(country, network) for country, network in store.query(f"SELECT DISTINCT country, network {rest}")]


def _select(kind: type[Struct], rest: str) -> str:
    return f"SELECT {', '.join(kind.__struct_fields__)} FROM {rest}"


def _read(kind: type[Record], lines: bytes) -> list[Record]:
    """Lines of JSON whose names are the record's fields; flags are 0 and 1 there."""
    return msgspec.json.Decoder(kind, strict=False).decode_lines(lines)


def _where(only: dict[str, str], since: str = "", until: str = "", month: str = "") -> tuple[str, dict[str, Any]]:
    """The condition, and the values of its parameters. Names are those of columns, written by callers in this house."""
    times = {"day >= {since:Date}": since, "day <= {until:Date}": until, "month >= toYYYYMM({month:Date})": month}
    named = [f"{name} = {{{name}:String}}" for name in only]
    values = {name: day for name, day in (("since", since), ("until", until), ("month", month)) if day}
    return " AND ".join([*(said for said, day in times.items() if day), *named]) or "1", {**values, **only}
