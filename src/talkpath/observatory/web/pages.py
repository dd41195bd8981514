"""The pages of a running observatory: their routes, and the tasks that keep what they show up to date.

The open data as the page *data* lists it: one folder with a manifest for each sealed day.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from talkpath.days import later_day
from talkpath.errors import TalkpathError
from talkpath.observatory.claims.made_up import made_up_claims
from talkpath.observatory.events.record import UNKNOWN_COUNTRY, Event
from talkpath.observatory.findings.country_findings import (
    CountryFindings,
    SimulatedCountry,
    assemble_findings,
    country_findings,
)
from talkpath.observatory.index import queries
from talkpath.observatory.index.store import Store
from talkpath.observatory.log.seal import DayManifest, sealed_days
from talkpath.observatory.reach.tables import load_tables
from talkpath.observatory.web.answers import PAGE_HEADERS
from talkpath.observatory.web.dataset import dataset_routes
from talkpath.observatory.web.event_worker import EVENT_PROCESSES, EventPublishing, operator_names
from talkpath.observatory.web.routes import page_routes
from talkpath.observatory.web.site import Site, utc_day
from talkpath.observatory.web.source import HALF_YEAR_DAYS, PageSource, Sealed, SealedFile
from talkpath.observatory.workers import WorkerPool
from talkpath.serving.supervisor import Supervisor, write_line

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute


def listed_days(folder: Path) -> Sequence[Sealed]:
    """Every day that has a manifest; a day that is being written has none yet."""
    return [_sealed_day(manifest) for manifest in sealed_days(folder)]


def _sealed_day(manifest: DayManifest) -> Sealed:
    files = [SealedFile(f"{manifest.day}/{name}", one.size_bytes, one.sha256) for name, one in manifest.files.items()]
    rows = {name.partition(".")[0]: one.rows for name, one in manifest.files.items()}  # each release in two formats
    return Sealed(manifest.day, sum(rows.values()), tuple(files))


NEXT_LOOK_S = 60.0
ASK_EVERY_S = 1.0
BOX_DAYS = 730  # a made-up country is played on a few days of a year
ATOM_TYPE = "application/atom+xml"
FEED_NAME = re.compile(r"events|[A-Z]{2}")


class ObservatoryHooks(NamedTuple):
    """How pages are connected to the observatory: `stands` gives the position of the index, `know` receives the events
    that were found. `geo` are the files that tell the networks of addresses, `servers` who answers for the key of each
    listed test server."""

    stands: Callable[[], int]
    know: Callable[[Sequence[Event]], None]
    geo: Sequence[Path] = ()
    servers: Mapping[str, str] = {}


class Pages:
    """The pages over an index. Findings are made again when the index went on, for each country that changed.

    A made-up country (`box`) has a time of its own: today is so long after its last day that nothing waits any more.
    """

    def __init__(
        self,
        store: Store,
        hooks: ObservatoryHooks,
        settings: Site,
        box: SimulatedCountry | None,
        open_data: Path,
        publishing: EventPublishing,
    ) -> None:
        self._store, self._hooks, self._box = store, hooks, box
        self._open_data, self._publishing = open_data, publishing
        days, tables = BOX_DAYS if box else HALF_YEAR_DAYS, load_tables(box.folder if box else None)
        self.source = PageSource(
            store=store,
            simulated=box is not None,
            today=self._today,
            sealed=lambda: listed_days(open_data),
            days=days,
            tables=tables,
            claims=made_up_claims(box.folder, box.country) if box else None,
        )
        self._operators: Mapping[str, str] | None = (tables.operators() or None) if box else None
        self.site = replace(settings, today=self._today, operators=lambda: self._operators)
        self._found: dict[str, tuple[int, CountryFindings]] = {}
        self._seen: tuple[int, str] | None = None
        self._news = asyncio.Event()

    def routes(self) -> list[BaseRoute]:
        """All pages, the feeds, and the files of the open data."""
        from starlette.routing import Mount, Route
        from starlette.staticfiles import StaticFiles

        files = StaticFiles(directory=self._open_data, check_dir=False)
        feeds = Route("/feeds/{name:str}.atom", self._feed)
        records = dataset_routes(self.source.sealed, self.site.address, simulated=self.source.simulated)
        return [*records, Mount("/open", files), feeds, *page_routes(self.source, self.site)]

    @asynccontextmanager
    async def running(self, supervisor: Supervisor) -> AsyncIterator[None]:
        """Look for events, and tell the receivers of webhooks, as long as this lasts."""
        worker = WorkerPool(EVENT_PROCESSES)
        supervisor.start("The search for events", lambda: self._look(worker))
        if self._hooks.geo and self._operators is None:
            supervisor.start("Reading the names of operators", lambda: self._read_operators(worker))
        if self._publishing.webhooks:
            supervisor.start("Delivering webhooks", lambda: self._deliver(worker))
        with closing(worker):
            yield

    async def _read_operators(self, worker: WorkerPool) -> None:
        self._operators = await asyncio.to_thread(worker.run, operator_names, self._hooks.geo)
        await asyncio.Event().wait()  # a task that ends is started again

    async def _look(self, worker: WorkerPool) -> None:
        """Look again whenever the index went on or another day began."""
        while True:
            now = self._hooks.stands(), self._today()
            if now != self._seen:
                await self._round(worker)
                self._seen = now
                self._news.set()
                await asyncio.sleep(NEXT_LOOK_S if self.source.findings.totals.reports else ASK_EVERY_S)
            else:
                await asyncio.sleep(ASK_EVERY_S)

    async def _deliver(self, worker: WorkerPool) -> None:
        """Send what is new after each look. A receiver that does not answer delays no look."""
        while True:
            await self._news.wait()
            self._news.clear()
            names = self._names_of(event for _, country in self._found.values() for event in country.events)
            done = await asyncio.to_thread(worker.run, self._publishing.deliver, self._today(), names)
            if done.delivered or done.waiting:
                write_line(str(done))

    async def _round(self, worker: WorkerPool) -> None:
        """Look again at what changed, tell what is new, and show it."""
        stands = await asyncio.to_thread(queries.counted_countries, self._store)
        for country, version in stands.items():
            if country != UNKNOWN_COUNTRY and self._found.get(country, (None,))[0] != version:
                try:
                    await self._country(worker, country, version)
                except TalkpathError:
                    raise
                except Exception as error:  # noqa: BLE001 (whatever it is, the other countries are looked at)
                    write_line(f"What {country} reports cannot be counted ({type(error).__name__}); shown is what was.")
        found = [one for _, one in self._found.values()]
        events = [event for one in found for event in one.events]
        names = self._names_of(events)
        recorded = await asyncio.to_thread(worker.run, self._publishing.record, events, self._today(), names)
        self.source.renew(assemble_findings(found, recorded, self._box))
        self._hooks.know(recorded)

    async def _country(self, worker: WorkerPool, country: str, version: int) -> None:
        counts = await asyncio.to_thread(queries.day_count_lines, self._store, country=country)
        carried = await asyncio.to_thread(queries.carry_days, self._store, country=country)
        if not counts:
            self._found.pop(country, None)
        else:
            least = self.site.publication.least_to_confirm
            servers = self._hooks.servers
            found = await asyncio.to_thread(worker.run, country_findings, counts, carried, self._box, least, servers)
            self._found[country] = version, found

    def _names_of(self, events: Iterable[Event]) -> dict[str, str]:
        """The names of the operators of these events' networks."""
        networks, names = {event.network for event in events}, self._operators or {}
        return {network: names[network] for network in networks if network in names}

    async def _feed(self, request: Request) -> Response:
        from starlette.exceptions import HTTPException
        from starlette.responses import FileResponse

        name = request.path_params["name"]
        path = self._publishing.feeds / f"{name}.atom"
        if not FEED_NAME.fullmatch(name) or not path.is_file():
            raise HTTPException(404)
        return FileResponse(path, media_type=ATOM_TYPE, headers=PAGE_HEADERS)

    def _today(self) -> str:
        last = self.source.findings.totals.last_day if self._box else ""
        if not last:
            return utc_day()
        return later_day(last, self.site.publication.delay_days)
