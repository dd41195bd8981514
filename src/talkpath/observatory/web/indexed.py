"""The index as the source of the pages: what the tables of counts hold, and what was found in them.

What takes long (events, claims, reach) is not done while somebody waits: `ObservatoryFindings` are made in a process of
their own (event_worker.py), and shown from `renew` on. A page asks for one country or one network, and half a year at
most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from itertools import groupby

from msgspec.structs import asdict

from talkpath.observatory.claims.event_context import event_reach
from talkpath.observatory.claims.ledger import ClaimResult
from talkpath.observatory.events.record import Event
from talkpath.observatory.findings.country_findings import NOTHING, ObservatoryFindings, Totals, by_country
from talkpath.observatory.index import queries
from talkpath.observatory.index.store import Store
from talkpath.observatory.reach.estimate import ReachEstimate
from talkpath.observatory.reach.tables import ReachTables
from talkpath.observatory.web.source import CountryDay, NetworkDayCount, Sealed, TransportShare

HALF_YEAR_DAYS = 183
TAP = "tap"


class Indexed:
    """`PageSource` (source.py) over an index. `sealed` lists the open data; `days` are counted back from `today`;
    `tables` have the numbers of people."""

    def __init__(
        self,
        store: Store,
        simulated: bool,
        today: Callable[[], str],
        sealed: Callable[[], Sequence[Sealed]] = tuple,
        days: int = HALF_YEAR_DAYS,
        tables: ReachTables | None = None,
    ) -> None:
        self._store, self.simulated, self._today, self._sealed, self._days = store, simulated, today, sealed, days
        self._tables = tables or ReachTables()
        self.renew(NOTHING)

    def renew(self, found: ObservatoryFindings) -> None:
        """Show these findings from now on."""
        self._findings = found
        self._events = by_country(found.events)

    def totals(self) -> Totals:
        """The totals of the findings."""
        return self._findings.totals

    def countries(self) -> Sequence[str]:
        """The countries of the findings."""
        return self._findings.countries

    def latest(self, country: str, medium: str) -> list[NetworkDayCount]:
        """The latest day of each network and app within the last half-year."""
        found = queries.latest(self._store, since=self._since, country=country, medium=medium)
        return [
            NetworkDayCount(
                country=row.country,
                network=row.network,
                app=row.app,
                medium=row.medium,
                day=row.day,
                restricted=row.restricted,
                ok=row.ok,
                closed=row.closed,
                impaired=row.impaired,
                contributors=row.contributors,
            )
            for row in found
        ]

    def country_days(self, country: str, medium: str) -> list[CountryDay]:
        """The days of a country. Sources are not added up, since they may be of the same networks and people: the
        largest is shown."""
        found = queries.country_days(self._store, since=self._since, country=country, medium=medium)
        rows = sorted((row for row in found if row.source != TAP and _decided(row)), key=lambda row: (row.app, row.day))
        return [_country_day(list(group)) for _, group in groupby(rows, key=lambda row: (row.app, row.day))]

    def network_days(self, country: str, network: str, app: str = "", medium: str = "") -> list[NetworkDayCount]:
        """The days of a network, all sources of a day together."""
        only = {"country": country, "network": network, "app": app, "medium": medium}
        only = {name: said for name, said in only.items() if said}
        found = queries.network_days(self._store, since=self._since, **only)
        return [NetworkDayCount(**asdict(row)) for row in found]

    def stream_days(self, country: str, app: str, medium: str) -> list[NetworkDayCount]:
        """The days of one app and medium on every network."""
        found = queries.network_days(self._store, since=self._since, country=country, app=app, medium=medium)
        return [NetworkDayCount(**asdict(row)) for row in found]

    def carries(self, country: str, network: str = "") -> list[TransportShare]:
        """The transports of the last half-year, by whole months."""
        only = {"country": country, **({"network": network} if network else {})}
        return [
            TransportShare(
                app=row.app,
                medium=row.medium,
                transport=row.transport,
                carried=row.carried,
                tried=row.reports,
                last_day=row.last_day,
            )
            for row in queries.transports(self._store, since=self._since, **only)
        ]

    def events(self, country: str) -> Sequence[Event]:
        """The events that were found."""
        return self._events.get(country, ())

    def entries(self) -> Sequence[ClaimResult]:
        """The results of the claims."""
        return self._findings.entries

    def reach(self, country: str) -> Sequence[ReachEstimate]:
        """The reach that was computed."""
        return [one for one in self._findings.reach if one.country == country]

    def event_reach(self, event: Event) -> ReachEstimate | None:
        """The reach of one event, computed now; it takes some milliseconds."""
        return event_reach(event, self._tables)

    def sealed(self) -> Sequence[Sealed]:
        """The sealed days, the last one first."""
        return sorted(self._sealed(), key=lambda sealed: sealed.day, reverse=True)

    @property
    def _since(self) -> str:
        return (date.fromisoformat(self._today()) - timedelta(days=self._days)).isoformat()


def _decided(row: queries.CountryDayCount) -> int:
    return row.restricted + row.ok + row.closed + row.impaired


def _country_day(rows: Sequence[queries.CountryDayCount]) -> CountryDay:
    return CountryDay(
        day=rows[0].day,
        app=rows[0].app,
        medium=rows[0].medium,
        measured=max(row.networks for row in rows),
        hit=max(row.networks_restricted for row in rows),
        contributors=max(row.contributors for row in rows),
    )
