"""The index as the source of the pages: what it answers is what the same counts give in memory; and what is found."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette

from talkpath.observatory.findings.country_findings import (
    NO_FINDINGS,
    CountryFindings,
    ObservatoryFindings,
    SimulatedCountry,
    assemble_findings,
    country_findings,
    findings_from_counts,
)
from talkpath.observatory.index import queries
from talkpath.observatory.index.fill import fill_index
from talkpath.observatory.index.queries import CountryDay, NetworkDayCount, TransportShare
from talkpath.observatory.index.store import Store
from talkpath.observatory.log.records import Judged, LoggedTransports, LoggedVerdict, Tap
from talkpath.observatory.responders.server_table import DirectorySummary
from talkpath.observatory.web.routes import PAGES, page_routes
from talkpath.observatory.web.site import PageQuery, Site
from talkpath.observatory.web.source import PageSource, Span
from talkpath.observatory.workers import WorkerPool

pytestmark = pytest.mark.long

TODAY = "2025-08-20"
BOX = SimulatedCountry(None, "XX")
DAYS = [f"2025-08-{day:02}" for day in range(1, 20)]


def said(app: str, state: str) -> LoggedVerdict:
    known = {"p": (0.4, 0.3, 0.5)} if state == "restricted" else {}
    return LoggedVerdict(
        app, "voice", state, "shape", "media.drop" if known else None, "up" if known else None, 7.5, known
    )


def report(day: str, network: str, who: int) -> Judged:
    """One check: WhatsApp is held back on two of three networks from the tenth on, Max never."""
    hit = day >= "2025-08-10" and network != "AS64498"
    number = f"{day}{network}{who}"
    return Judged(
        id=number.encode().hex().ljust(64, "0")[:64],
        day=day,
        measured=day,
        rules_version="1",
        source="probe",
        said=(said("whatsapp", "restricted" if hit else "ok"), said("max", "ok")),
        carried=(LoggedTransports("whatsapp", "voice", ("tls/443",)),),
        network=network,
        country="XX",
        placed="responder",
        responder="R1",
        responder_class="hosting",
        contributor=who,
        contributor_key=1,
        simulated=True,
    )


def records() -> list[Judged | Tap]:
    networks = ["AS64496", "AS64497", "AS64498"]
    checks = [report(day, network, who) for day in DAYS for network in networks for who in range(1, 7)]
    taps = [Tap(f"{number:064x}", DAYS[-1], DAYS[-1], "whatsapp", "voice", "AS64496", "XX", "ingest", number, 1, True)
            for number in range(1, 9)]  # fmt: skip
    return [*checks, *taps]


@pytest.fixture
def store(index_dsn: str) -> Any:
    opened = Store(index_dsn)
    yield opened
    opened.close()


@pytest.fixture
def source(store: Store) -> PageSource:
    fill_index(store, enumerate(records(), 1))
    found = PageSource(store, True, lambda: TODAY)
    found.renew(findings(store))
    return found


def lines(store: Store) -> tuple[bytes, bytes]:
    return queries.day_count_lines(store, country="XX"), queries.carry_days(store, country="XX")


def findings(store: Store) -> ObservatoryFindings:
    return assemble_findings([country_findings(*lines(store), BOX)], box=BOX)


def test_counts_are_those_that_were_put_in(source: PageSource):
    assert source.latest("XX", "voice") == [
        NetworkDayCount("XX", network, app, "voice", DAYS[-1], **{state: 6}, contributors=6)
        for network in ("AS64496", "AS64497", "AS64498")
        for app, state in (("max", "ok"), ("whatsapp", "restricted" if network != "AS64498" else "ok"))
    ]
    days = source.network_days("XX", "AS64496")
    assert [day.day for day in days if day.app == "whatsapp"] == DAYS
    assert days[-1] == NetworkDayCount("XX", "AS64496", "whatsapp", "voice", DAYS[-1], restricted=6, contributors=6,
                               rule="media.drop")  # fmt: skip
    assert source.country_days("XX", "voice")[-1] == CountryDay(DAYS[-1], "whatsapp", "voice", 3, 2, 6, "XX")
    assert source.carries("XX", "AS64498") == [TransportShare("whatsapp", "voice", "tls/443", 114, 114, DAYS[-1])]
    assert source.findings.countries == ("XX",)
    assert (source.findings.totals.reports, source.findings.totals.networks, source.findings.totals.last_day) == (
        684,
        3,
        DAYS[-1],
    )


def test_days_that_are_asked_for_are_the_only_ones(source: PageSource):
    """What was decided last is then what was known on the last of them."""
    early = Span("2025-08-05", "2025-08-09")
    assert {row.day for row in source.latest("XX", "voice", early)} == {"2025-08-09"}
    assert {row.restricted for row in source.latest("XX", "voice", early)} == {0}
    assert [row.day for row in source.network_days("XX", "AS64496", "max", "voice", early)] == DAYS[4:9]
    assert [row.day for row in source.world_days("whatsapp", "voice", Span("2025-08-18"))] == DAYS[17:]
    assert source.stream_days("XX", "max", "voice", Span("2025-08-19")) == source.latest("XX", "voice")[::2]
    assert source.country_days("XX", "voice", Span("2026-01-01")) == []


def test_networks_of_the_index(source: PageSource):
    assert source.networks() == [("XX", "AS64496"), ("XX", "AS64497"), ("XX", "AS64498")]


def test_what_is_found_is_on_the_pages(source: PageSource):
    began = [event for event in source.events("XX") if event.kind == "began"]
    assert {event.network for event in began} == {"AS64496", "AS64497", "*"}
    assert {event.app for event in began} == {"whatsapp"}
    assert all(event.onset_high == "2025-08-10" for event in began)
    held = {entry.claim: entry.outcome for entry in source.findings.entries}
    assert held["S05"] == "not measurable"
    site = Site(today=lambda: TODAY, servers=lambda: DirectorySummary("A" * 43, 1, "2026-11-27T18:00:00Z"))
    asked = PageQuery({"country": "XX", "network": "AS64496", "id": began[0].id, "app": "whatsapp", "medium": "voice"})
    for page in PAGES:
        if "{id}" not in page.path:  # of a claim
            assert page.view(source, site, asked) is not None, page.path
    Starlette(routes=page_routes(source, site))


def test_an_empty_index_has_pages(store: Store):
    empty = PageSource(store, False, lambda: TODAY)
    assert (empty.latest("XX", "voice"), empty.findings.totals, list(empty.findings.countries)) == (
        [],
        NO_FINDINGS.totals,
        [],
    )
    assert assemble_findings([]) == NO_FINDINGS


def test_what_takes_long_is_done_in_another_process(store: Store):
    fill_index(store, enumerate(records(), 1))
    worker = WorkerPool(1)
    try:
        assert worker.run(country_findings, *lines(store), BOX, 1, {}) == country_findings(*lines(store), BOX)
    finally:
        worker.close()


def test_an_event_names_evidence_and_what_still_carries(source: PageSource):
    event = next(event for event in source.events("XX") if event.network == "AS64496")
    assert event.carries == ("tls/443",)
    assert 5 <= len(event.bundles) <= 5 * len(DAYS)
    restricted = {report(day, "AS64496", who).id for day in DAYS if day >= "2025-08-10" for who in range(1, 7)}
    assert set(event.bundles) <= restricted


def test_countries_looked_at_one_by_one_are_held_together(source: PageSource, store: Store):
    """Claims count networks, wherever these are: two halves of the world say what the whole does."""
    whole = queries.day_counts(store)
    halves = [[one for one in whole if (one.network != "AS64498") == first] for first in (True, False)]
    carried = queries.read_carry_days(queries.carry_days(store))
    found: list[CountryFindings] = [findings_from_counts(half, carried, BOX) for half in halves]
    assert assemble_findings(found, box=BOX).entries == findings(store).entries
