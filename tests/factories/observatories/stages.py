"""A whole observatory in one process: what it takes goes through every stage, from the log to the pages."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from factories.observatories.sent_bundles import DAY, Bench, responder_key
from talkpath.observatory.feeds.publish import record_events
from talkpath.observatory.findings.country_findings import assemble_findings, country_findings
from talkpath.observatory.importers.files import ImportCount, import_folder, import_ooni
from talkpath.observatory.index import queries
from talkpath.observatory.index.fill import Loader
from talkpath.observatory.index.store import Store
from talkpath.observatory.intake.collector import IntakeSettings
from talkpath.observatory.intake.requests import ReportRefusedError
from talkpath.observatory.intake.routes import ReportApi
from talkpath.observatory.judging.judges import judge_received
from talkpath.observatory.log.log import LogEntry
from talkpath.observatory.log.records import Judged, Unfit
from talkpath.observatory.log.seal import Sealer, sealed_days
from talkpath.observatory.publication import Publication
from talkpath.observatory.server import known_apps
from talkpath.observatory.web.pages import listed_days
from talkpath.observatory.web.routes import page_routes
from talkpath.observatory.web.site import Site
from talkpath.observatory.web.source import PageSource

SEALED_ON, LATER = "2026-11-28", "2027-01-15"
MANY = 1 << 30
SHOWN = "SELECT report, app, medium, state, toString(day) FROM report FINAL WHERE NOT withdrawn"
PAGES = ("now", "now.csv", "events", "events.json", "map", "claims", "data", "transports")
Row = tuple[str, str, str, str, str]
"""What the index shows of a report: its id, app, medium, state and day."""


def http_status(routes: Sequence[BaseRoute], method: str, path: str, body: bytes = b"") -> int:
    """The status of one request, answered within this process. Whatever a handler raises is raised here."""

    async def ask() -> int:
        transport, headers = httpx.ASGITransport(Starlette(routes=routes)), {"Content-Type": "application/json"}
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as web:
            return (await web.request(method, path, content=body, headers=headers)).status_code

    return asyncio.run(ask())


@cache
def process_dsn() -> str:
    """The one embedded index of this process."""
    return f"chdb://{tempfile.mkdtemp(prefix='talkpath-index-')}"


class WholeObservatory:
    """An observatory whose parts are called one after the other; checks by the servers 1 and 2 are listed."""

    def __init__(self, root: Path, dsn: str = "") -> None:
        limits = {"bundles_an_hour": MANY, "taps_an_hour": MANY}
        self.bench = Bench(root / "data", IntakeSettings(apps=known_apps(), **limits))
        self.root, self.log = root, self.bench.log
        self.store = Store(dsn or process_dsn())
        self.store.drop()
        self.listed = {responder_key(seed): "an operator" for seed in (1, 2)}
        self.api = ReportApi(self.bench.collector).routes()

    def close(self) -> None:
        self.bench.close()
        self.store.close()

    def take_bundle(self, data: bytes, host: str) -> Judged | Unfit | None:
        """Take a bundle and judge it; None where it is refused. `AssertionError` where the judge itself fails."""
        try:
            status = asyncio.run(self.bench.take(data, host))
        except ReportRefusedError:
            return None
        known = self.log.register.find(status.id)
        assert known is not None
        if known.state != "received":
            return None
        record = judge_received(self.log.folder.bundles, known.received, self.listed, False)
        assert not (isinstance(record, Unfit) and "The judge failed" in record.why), record
        self.log.commit([LogEntry(record)])
        return record

    def tap(self, body: bytes) -> int:
        """The status that a tap is answered with."""
        return http_status(self.api, "POST", "/api/v1/taps", body)

    def import_lines(self, name: str, lines: bytes) -> ImportCount:
        """Import a file of OONI's lines, or of taps."""
        folder = self.root / "brought"
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(lines)
        if name == "taps.jsonl":
            return import_folder(self.log, folder, self.listed, False)
        return import_ooni(self.log, folder / name)

    def shown_rows(self) -> set[Row]:
        """Run all stages over what was taken; what the index shows then. `AssertionError` where a stage leaves out
        more than single records."""
        Loader(self.store, self.log).load()
        found = self._findings()
        events = record_events(found.events, self.root / "events.jsonl", Publication(), LATER, self.root / "feeds")
        self.bench.day = SEALED_ON
        sealer = Sealer(self.log, False, Publication())
        assert DAY in sealer.run(SEALED_ON)
        sealer.run(LATER)
        assert [day.day for day in sealed_days(self.log.folder.open)] == [DAY]
        assert len(events) >= len(found.events)
        source = PageSource(self.store, False, lambda: LATER, lambda: listed_days(self.log.folder.open))
        source.renew(found)
        self._open_pages(source)
        return set(self.store.query(SHOWN))

    def _findings(self):
        countries = queries.counted_countries(self.store)
        counts = {name: queries.day_count_lines(self.store, country=name) for name in countries}
        return assemble_findings(
            [
                country_findings(lines, queries.carry_days(self.store, country=name))
                for name, lines in counts.items()
                if lines
            ],
            [],
            None,
        )

    def _open_pages(self, source: PageSource) -> None:
        routes = page_routes(source, Site(today=lambda: LATER))
        places = [f"/en/now/{country}" for country in source.findings.countries[:20]]
        places += [f"/en/network/{country}/{network}" for country, network in source.networks()[:20]]
        for place in (*(f"/en/{page}" for page in PAGES), *places):
            assert http_status(routes, "GET", place) == 200, place
