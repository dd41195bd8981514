"""What the pages ask of an observatory's index. Every answer is counted already: no page reads single reports.

`PageSource` is the whole contract; index and detector implement it, and so do the records of a test.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from talkpath.observatory.claims.ledger import ClaimResult
from talkpath.observatory.claims.rows import Claim
from talkpath.observatory.events.record import Event
from talkpath.observatory.findings.country_findings import Totals
from talkpath.observatory.index.queries import NetworkDayCount
from talkpath.observatory.reach.estimate import ReachEstimate


class Span(Struct, frozen=True):
    """The days from `since` to `until`, both included. "" is open: half a year back, or as far as there are days."""

    since: str = ""
    until: str = ""

    def holds(self, day: str) -> bool:
        """Whether the day is one of them."""
        return self.since <= day and (not self.until or day <= self.until)


HALF_YEAR = Span()


class CountryDay(Struct, frozen=True):
    """One day of one app and medium in a country: of `measured` networks, `hit` had a restricted report."""

    day: str
    app: str
    medium: str
    measured: int
    hit: int
    contributors: int
    country: str = ""


class TransportShare(Struct, frozen=True):
    """Of `tried` reports that asked whether a transport ("tls/443") carries an app's calls, `carried` say yes."""

    app: str
    medium: str
    transport: str
    carried: int
    tried: int
    last_day: str


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


class PageSource(Protocol):
    """An observatory as the pages see it. Days are of UTC."""

    @property
    def simulated(self) -> bool:
        """Whether everything in it is made up."""

    def totals(self) -> Totals:
        """The totals of everything."""

    def countries(self) -> Sequence[str]:
        """The countries with reports, the one with most networks first."""

    def networks(self) -> Sequence[tuple[str, str]]:
        """Every (country, network) that anything was decided of, in order."""

    def claims(self) -> Sequence[Claim]:
        """The claims that are tested here, superseded ones too: those of a made-up country where that is shown."""

    def latest(self, country: str, medium: str, span: Span = HALF_YEAR) -> Sequence[NetworkDayCount]:
        """For each network and app the last day that decided anything."""

    def country_days(self, country: str, medium: str, span: Span = HALF_YEAR) -> Sequence[CountryDay]:
        """Every day, in order of app and day."""

    def world_days(self, app: str, medium: str, span: Span = HALF_YEAR) -> Sequence[CountryDay]:
        """Every day of every country of one app and medium, in order of country and day."""

    def network_days(
        self, country: str, network: str, app: str = "", medium: str = "", span: Span = HALF_YEAR
    ) -> Sequence[NetworkDayCount]:
        """Every day, in order of app, medium and day; of one of these where it is named."""

    def stream_days(self, country: str, app: str, medium: str, span: Span = HALF_YEAR) -> Sequence[NetworkDayCount]:
        """Every day of one app and medium on every network, in order of network and day."""

    def carries(self, country: str, network: str = "") -> Sequence[TransportShare]:
        """The transports that still carry calls on a network, or on each network of the country, in their order."""

    def events(self, country: str) -> Sequence[Event]:
        """All of a country, withdrawn ones too, in order of network, app, medium, then time."""

    def entries(self) -> Sequence[ClaimResult]:
        """The results of testing the claims."""

    def reach(self, country: str) -> Sequence[ReachEstimate]:
        """How many people are affected in a country."""

    def event_reach(self, event: Event) -> ReachEstimate | None:
        """How many people one event affects on its network; None where nobody knows."""

    def sealed(self) -> Sequence[Sealed]:
        """The sealed days of the open data, the last one first."""
