"""The index as the source of the pages: what the tables of counts hold, and what was found in them.

What takes long (events, claims, reach) is not done while somebody waits: `ObservatoryFindings` are made in a process of
their own (event_worker.py), and shown from `renew` on. A page asks for one country or one network, and half a year at
most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from talkpath.days import later_day
from talkpath.observatory.claims.ledger import event_reach
from talkpath.observatory.claims.rows import Claim, load_claims
from talkpath.observatory.events.record import UNKNOWN_COUNTRY, Event
from talkpath.observatory.findings.country_findings import NO_FINDINGS, ObservatoryFindings, by_country
from talkpath.observatory.index import queries
from talkpath.observatory.index.queries import CountryDay, NetworkDayCount, TransportShare
from talkpath.observatory.index.store import Store
from talkpath.observatory.reach.estimate import ReachEstimate
from talkpath.observatory.reach.tables import ReachTables


class Span(Struct, frozen=True):
    """The days from `since` to `until`, both included. "" is open: half a year back, or as far as there are days."""

    since: str = ""
    until: str = ""

    def holds(self, day: str) -> bool:
        """Whether the day is one of them."""
        return self.since <= day and (not self.until or day <= self.until)


HALF_YEAR = Span()


class Sealed(Struct, frozen=True):
    """A closed day of the open data: its files, by format, with sizes in bytes and their hashes."""

    day: str
    rows: int
    files: tuple[SealedFile, ...]


class SealedFile(Struct, frozen=True):
    """One file of a sealed day; `name` is its address below the page of the data."""

    name: str
    size_bytes: int
    sha256: str


HALF_YEAR_DAYS, MOST_DAYS, LATEST_DAYS = 183, 731, 28


class PageSource:
    """An observatory as the pages see it: its `findings`, the `claims` (talkpath's own, unless others are given), and
    what the index counts. Days are of UTC. `sealed` lists the open data; `days` are counted back from `today`; `tables`
    have the numbers of people."""

    def __init__(
        self,
        store: Store,
        simulated: bool,
        today: Callable[[], str],
        sealed: Callable[[], Sequence[Sealed]] = tuple,
        days: int = HALF_YEAR_DAYS,
        tables: ReachTables | None = None,
        claims: Sequence[Claim] | None = None,
    ) -> None:
        self._store, self.simulated, self._today, self._sealed, self._back = store, simulated, today, sealed, days
        self._tables, self.claims = tables or ReachTables(), load_claims() if claims is None else claims
        self.renew(NO_FINDINGS)

    def renew(self, found: ObservatoryFindings) -> None:
        """Show these findings from now on."""
        self.findings = found
        self._events = by_country(found.events)

    def networks(self) -> Sequence[tuple[str, str]]:
        """The networks of the index."""
        return queries.networks(self._store)

    def latest(self, country: str, medium: str, span: Span = HALF_YEAR) -> list[NetworkDayCount]:
        """The latest day of each network and app; up to a day that is named, within the four weeks before it."""
        if span.until:
            since = max(span.since, later_day(span.until, -LATEST_DAYS))
            found = self._days(Span(since, span.until), country=country, medium=medium)
            return list({(one.network, one.app): one for one in found}.values())
        return queries.latest_days(self._store, since=self._since(span), country=country, medium=medium)

    def country_days(self, country: str, medium: str, span: Span = HALF_YEAR) -> list[CountryDay]:
        """The days of a country."""
        return self._country_days(span, country=country, medium=medium)

    def world_days(self, app: str, medium: str, span: Span = HALF_YEAR) -> list[CountryDay]:
        """The days of all countries that can be placed."""
        return [day for day in self._country_days(span, app=app, medium=medium) if day.country != UNKNOWN_COUNTRY]

    def network_days(
        self, country: str, network: str, app: str = "", medium: str = "", span: Span = HALF_YEAR
    ) -> list[NetworkDayCount]:
        """The days of a network, all sources of a day together."""
        only = {"country": country, "network": network, "app": app, "medium": medium}
        return self._days(span, **{name: said for name, said in only.items() if said})

    def stream_days(self, country: str, app: str, medium: str, span: Span = HALF_YEAR) -> list[NetworkDayCount]:
        """The days of one app and medium on every network."""
        return self._days(span, country=country, app=app, medium=medium)

    def carries(self, country: str, network: str = "") -> list[TransportShare]:
        """What carried calls in the last half-year, by whole months, on a network or on all of the country."""
        only = {"country": country, **({"network": network} if network else {})}
        return queries.transport_shares(self._store, since=self._since(HALF_YEAR), **only)

    def events(self, country: str) -> Sequence[Event]:
        """The events that were found."""
        return self._events.get(country, ())

    def reach(self, country: str) -> Sequence[ReachEstimate]:
        """The reach that was computed."""
        return [one for one in self.findings.reach if one.country == country]

    def event_reach(self, event: Event) -> ReachEstimate | None:
        """The reach of one event, computed now; it takes some milliseconds."""
        return event_reach(event, self._tables)

    def sealed(self) -> Sequence[Sealed]:
        """The sealed days, the last one first."""
        return sorted(self._sealed(), key=lambda sealed: sealed.day, reverse=True)

    def _days(self, span: Span, **only: str) -> list[NetworkDayCount]:
        return queries.network_days(self._store, since=self._since(span), until=span.until or queries.LAST, **only)

    def _country_days(self, span: Span, **only: str) -> list[CountryDay]:
        return queries.country_days(self._store, since=self._since(span), until=span.until or queries.LAST, **only)

    def _since(self, span: Span) -> str:
        """Two years at most, so that no address costs more than that."""
        end = min(span.until or self._today(), self._today())
        return max(span.since, queries.FIRST, later_day(end, -(MOST_DAYS if span.since else self._back)))
