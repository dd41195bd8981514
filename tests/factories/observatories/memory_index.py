"""An observatory in memory, for tests of its pages: the same answers as an index gives, from network-days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

from msgspec.structs import replace

from factories.observatories.network_days import days_on_networks, events_of_days
from talkpath.errors import PeerError
from talkpath.observatory.claims.ledger import ClaimResult, Evidence, results_of
from talkpath.observatory.claims.made_up import made_up_claims
from talkpath.observatory.claims.published import load_published
from talkpath.observatory.claims.rows import Claim, load_claims
from talkpath.observatory.events.network_days import NetworkDay
from talkpath.observatory.events.record import Event, withdrawal_of
from talkpath.observatory.findings.country_findings import ObservatoryFindings, Totals
from talkpath.observatory.index.queries import CountryDay, NetworkDayCount, ReportVerdict, TransportShare
from talkpath.observatory.reach.estimate import ReachEstimate
from talkpath.observatory.responders.server_table import DirectorySummary, ShownServer, by_country
from talkpath.observatory.web.shared_report import SharedReport
from talkpath.observatory.web.source import HALF_YEAR, Sealed, SealedFile, Span


@dataclass
class Memory:
    """`days` in any order."""

    days: Sequence[NetworkDay]
    simulated: bool = False
    found: Sequence[Event] | None = None
    told: Sequence[TransportShare] = ()
    files: Sequence[Sealed] = ()
    touched: Sequence[ReachEstimate] = ()
    said: list[Claim] = field(default_factory=load_claims)
    _entries: list[ClaimResult] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.days = sorted(self.days, key=lambda day: (day.network, day.app, day.medium, day.day))
        if self.found is None:
            self.found = events_of_days(self.days)

    @property
    def findings(self) -> ObservatoryFindings:
        return ObservatoryFindings(self._totals(), tuple(self._countries()), entries=tuple(self._results()))

    def _totals(self) -> Totals:
        dates = sorted(day.day for day in self.days) or [""]
        return Totals(
            reports=sum(day.count for day in self.days),
            networks=len({(day.country, day.network) for day in self.days}),
            countries=len(self._countries()),
            first_day=dates[0],
            last_day=dates[-1],
        )

    def _countries(self) -> list[str]:
        networks = {(day.country, day.network) for day in self.days}
        names = {country for country, _ in networks}
        return sorted(names, key=lambda name: (-sum(country == name for country, _ in networks), name))

    def networks(self) -> list[tuple[str, str]]:
        return sorted({(day.country, day.network) for day in self.days})

    @property
    def claims(self) -> list[Claim]:
        return self.said

    def latest(self, country: str, medium: str, span: Span = HALF_YEAR) -> list[NetworkDayCount]:
        own = self._of(span, country=country, medium=medium)
        return [_day_count(list(group)[-1]) for _, group in groupby(own, key=lambda day: (day.network, day.app))]

    def country_days(self, country: str, medium: str, span: Span = HALF_YEAR) -> list[CountryDay]:
        own = sorted(self._of(span, country=country, medium=medium), key=attrgetter("app", "day"))
        return [_country_day(list(group)) for _, group in groupby(own, key=attrgetter("app", "day"))]

    def world_days(self, app: str, medium: str, span: Span = HALF_YEAR) -> list[CountryDay]:
        own = sorted(self._of(span, app=app, medium=medium), key=attrgetter("country", "day"))
        return [_country_day(list(group)) for _, group in groupby(own, key=attrgetter("country", "day"))]

    def network_days(
        self, country: str, network: str, app: str = "", medium: str = "", span: Span = HALF_YEAR
    ) -> list[NetworkDayCount]:
        return [_day_count(day) for day in self._of(span, country=country, network=network, app=app, medium=medium)]

    def stream_days(self, country: str, app: str, medium: str, span: Span = HALF_YEAR) -> list[NetworkDayCount]:
        return [_day_count(day) for day in self._of(span, country=country, app=app, medium=medium)]

    def _of(self, span: Span, **only: str) -> list[NetworkDay]:
        wanted = {name: value for name, value in only.items() if value}
        named = [day for day in self.days if all(getattr(day, name) == value for name, value in wanted.items())]
        return [day for day in named if span.holds(day.day)]

    def carries(self, country: str, network: str = "") -> Sequence[TransportShare]:
        return self.told

    def events(self, country: str) -> list[Event]:
        return [event for event in self.found or () if event.country == country]

    def _results(self) -> list[ClaimResult]:
        if not self._entries:
            self._entries = results_of(load_claims(), Evidence(self.days, self.found or (), load_published()))
        return self._entries

    def reach(self, country: str) -> list[ReachEstimate]:
        return [one for one in self.touched if one.country == country]

    def event_reach(self, event: Event) -> ReachEstimate | None:
        return next((one for one in self.touched if event.network != "*" and one.apps == (event.app,)), None)

    def sealed(self) -> Sequence[Sealed]:
        return self.files


class Down(Memory):
    """One whose index does not answer."""

    def latest(self, country: str, medium: str, span: Span = HALF_YEAR) -> list[NetworkDayCount]:
        raise PeerError("A shard is lost.")


def _day_count(day: NetworkDay) -> NetworkDayCount:
    return NetworkDayCount(day.country, day.network, day.app, day.medium, day.day, day.restricted, day.ok, day.closed,
                   day.impaired, day.contributors, day.rules[0] if day.rules else None)  # fmt: skip


def _country_day(found: Sequence[NetworkDay]) -> CountryDay:
    first = found[0]
    return CountryDay(first.day, first.app, first.medium, len(found), sum(bool(day.restricted) for day in found),
                      sum(day.contributors for day in found), first.country)  # fmt: skip


OPERATORS = {"AS64496": "Northline", "AS64497": "South & West <Telecom>"}


def directory_summary() -> DirectorySummary:
    """Test servers in many countries; on a phone neither list is short."""
    listed = tuple(
        ShownServer(
            key=f"{number:043d}",
            host=f"calls-{number}.volunteers.example",
            port=4433,
            network_class="home" if number % 3 else "hosting",
            country=f"X{chr(ord('A') + number % 20)}",
            network=f"AS{64496 + number % 12}",
            free=number % 5,
            page=8443,
            operator="" if number % 4 else "Volunteers <of> the valley",
            tests=24,
            passes=24 - number % 2,
        )
        for number in range(230)
    )
    return DirectorySummary("k" * 43, 7, "2025-08-30T10:00:00Z", listed, by_country(listed))


def three_countries() -> Memory:
    """Three countries, of which one has few people; two apps are held back in the first of them."""
    days = [
        *days_on_networks("whatsapp", "voice", "2025-08-11", 10, on=12, restricted=3, country="IR"),
        *days_on_networks("telegram", "voice", "2025-08-11", 10, on=3, restricted=3, country="IR"),
        *days_on_networks("whatsapp", "voice", "2025-08-11", 10, on=5, ok=6, country="DE"),
        *days_on_networks("whatsapp", "voice", "2025-08-11", 10, on=1, ok=1, country="AE"),
    ]
    return Memory([replace(day, contributors=1 if day.country == "AE" else 9) for day in days])


def many_networks() -> Memory:
    """A hundred and twenty networks, on each of which two restrictions began."""
    days = [
        *days_on_networks("whatsapp", "voice", "2025-08-11", 2, on=120, restricted=3, country="XX"),
        *days_on_networks("telegram", "voice", "2025-08-11", 2, on=120, restricted=3, country="XX"),
    ]
    return Memory([replace(day, contributors=9) for day in days])


def one_full_network() -> Memory:
    """One network of a made-up country, with everything that four apps can have: messages, voice and video, each held
    back there and explained."""
    apps, media = ("max", "signal", "telegram", "whatsapp"), ("text", "video", "voice")
    streams = [(app, medium) for app in apps for medium in media]
    days = [
        day
        for app, medium in streams
        for day in days_on_networks(
            app, medium, "2025-08-11", 5, on=1, restricted=3, rule="signalling.block", country="XX"
        )
    ]
    return Memory([replace(day, contributors=9, simulated=True) for day in days], simulated=True)


def _country_event(events: Sequence[Event]) -> Event:
    """What is found of a whole country: that Telegram's voice calls began to be held back."""
    hit = [event for event in events if event.id.split("/")[2:] == ["telegram", "voice", "2025-08-11", "began"]]
    networks = tuple(event.network for event in hit)
    return replace(hit[0], id=COUNTRY, network="*", networks=networks, hit=len(networks), measured=12)


def _event_in_full(event: Event) -> Event:
    """With all that a detector may tell of it."""
    return replace(event, checks=event.count * 5 // 4, share=0.8, share_low=0.7, share_high=0.9,
                   sources=("probe", "tap"), taps=31, rules={"stun.drop": 40, "media.drop": 5, "": 55},
                   carries=("tls/443",), bundles=("ab" * 32,),
                   known={"signal": "2025-08-12", "confirmed": "2025-08-14"})  # fmt: skip


# -- a made-up country ---------------------------------------------------------------------------------------------

TODAY = "2025-08-30"
WITHDRAWN = "XX/AS64496/signal/voice/2025-08-13/began"
BEGAN = "XX/AS64496/telegram/voice/2025-08-11/began"
COUNTRY = "XX/*/telegram/voice/2025-08-11/began"
FEW = "AS64499"  # two people measure there; on all others seven


def one_country(simulated: bool = True) -> Memory:
    """Twelve networks in August 2025: two apps are held back from the 11th, one for five days, the others are not."""
    days = [
        *days_on_networks("whatsapp", "voice", "2025-08-01", 10, ok=6, country="XX"),
        *days_on_networks("whatsapp", "voice", "2025-08-11", 20, on=11, restricted=4, ok=1, country="XX"),
        *days_on_networks("telegram", "voice", "2025-08-01", 10, ok=6, country="XX"),
        *days_on_networks("telegram", "voice", "2025-08-11", 6, on=9, restricted=5, rule="stun.drop", country="XX"),
        *days_on_networks("telegram", "voice", "2025-08-17", 14, on=9, restricted=5, rule="media.police", country="XX"),
        *days_on_networks("telegram", "text", "2025-08-01", 30, on=4, ok=4, country="XX"),
        *days_on_networks("telegram", "video", "2025-08-11", 20, on=4, restricted=4, rule="stun.drop", country="XX"),
        *days_on_networks("signal", "voice", "2025-08-01", 12, ok=6, country="XX"),
        *days_on_networks("signal", "voice", "2025-08-13", 5, on=3, restricted=5, rule="stun.drop", country="XX"),
        *days_on_networks("signal", "voice", "2025-08-18", 12, on=3, ok=5, country="XX"),
        *days_on_networks("max", "voice", "2025-08-01", 30, on=10, ok=5, country="XX"),
        *days_on_networks("viber", "voice", "2025-08-20", 5, on=4, impaired=5, country="XX"),
        *days_on_networks("meet", "video", "2025-08-20", 5, on=4, closed=5, country="XX"),
    ]
    days = [replace(day, contributors=2 if day.network == FEW else 7, simulated=simulated) for day in days]
    events = [_event_in_full(replace(event, simulated=simulated)) for event in events_of_days(days)]
    mistake = next(event for event in events if event.id == WITHDRAWN)
    observatory = Memory(
        days=days,
        simulated=simulated,
        found=[*events, withdrawal_of(mistake, "the far end's clock was wrong"), _country_event(events)],
        told=[
            TransportShare("telegram", "voice", "udp/3478", 0, 6, "2025-08-20"),
            TransportShare("telegram", "voice", "tls/443", 6, 6, "2025-08-20"),
            TransportShare("max", "voice", "tls/443", 6, 6, "2025-08-20"),
        ],
        files=[Sealed("2025-08-28", 312, (SealedFile("2025-08-28.jsonl.gz", 48_213, "ab" * 32),))],
        touched=[
            ReachEstimate("XX", ("telegram",), "voice", 64.7e6, 57.1e6, 68.0e6, 9, ("All are alike.",)),
            ReachEstimate("XX", ("telegram", "whatsapp"), "voice", None, 76.2e6, 123.1e6, 9, ("Few use both.",)),
        ],
    )
    if simulated:
        observatory.said = [*made_up_claims(None, "XX"), SPEAKER]
        observatory._entries.extend(results_of(observatory.said, Evidence(observatory.days, events)))
    return observatory


SPEAKER = Claim(
    id="M01",
    date="2025-08-11",
    who="the regulator of the made-up country",
    kind="official",
    statement="It concerns voice calls only",
    source="SIMULATED: the scenario",
    credibility="A",
    predicate="OK(video of telegram in XX from 2025-08-11 to 2025-08-30)",
)


SHARED = {
    "ab" * 32: SharedReport(
        id="ab" * 32,
        state="judged",
        day="2025-08-20",
        network="AS64496",
        country="XX",
        verdicts=(ReportVerdict("XX", "AS64496", "webrtc", "voice", "restricted", "media.drop"),),
    ),
    "cd" * 32: SharedReport(id="cd" * 32, state="withdrawn"),
}
"""Reports that were shared, by their ids."""
