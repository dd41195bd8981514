"""Puts an observatory together: log, collector, judges and index in one application, with the routes that others add.

    observatory = Observatory(Location(folder, dsn), settings)
    application(observatory, [*pages, *check])

Contract: `Observatory` holds the folder's lock until `close`. The intake and the index run here; whatever judges a
bundle runs in a process of its own, and so must whatever else is heavy or speaks WebRTC.

Whether an observatory works: everything that an operator has to mend, each in a sentence (/health).
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, asynccontextmanager, closing
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from talkpath.apps import apps
from talkpath.days import later_day
from talkpath.errors import FileError, TalkpathError, UsageError, in_place_of
from talkpath.observatory.clock import ServerClock
from talkpath.observatory.index.fill import Loader
from talkpath.observatory.index.store import NEEDS, Store
from talkpath.observatory.log.committer import Committer
from talkpath.observatory.log.folder import CANNOT_WRITE_FOLDER, Folder
from talkpath.observatory.log.log import Log
from talkpath.observatory.log.named_shapes import load_named_shapes
from talkpath.observatory.log.packs import drop_packs
from talkpath.observatory.log.seal import Sealer
from talkpath.observatory.publication import Publication
from talkpath.responder.geoip import GeoDatabase
from talkpath.serving.private_files import replace_file
from talkpath.serving.supervisor import Supervisor
from talkpath.wire.control.keys import Signer, raw_key_text

LEAST_FREE_BYTES, LEAST_FREE_SHARE = 256 << 20, 0.05


class HealthCheck(NamedTuple):
    """Looks at every part of an observatory that can fail while it runs."""

    log: Log
    committer: Committer
    store: Store
    clock: ServerClock
    supervisor: Supervisor

    async def problems(self) -> list[str]:
        """A sentence for each thing that is wrong; empty where all is well."""
        return [sentence async for sentence in self._problems()]

    async def _problems(self) -> AsyncIterator[str]:
        try:
            await asyncio.to_thread(self.store.query, "SELECT count() FROM country_day")
        except TalkpathError as error:
            yield str(error)
        if self.log.trouble:
            yield self.log.trouble
        if not self.committer.running:
            yield "Nothing is written into the log any more; start the observatory again."
        disk = shutil.disk_usage(self.log.folder.root)
        if disk.free < min(LEAST_FREE_BYTES, LEAST_FREE_SHARE * disk.total):
            yield "The disk of the observatory's folder is full or nearly so; make room."
        if self.clock.set:
            yield "The clock was set since the start; no day is sealed until the observatory was started again."
        for sentence in self.supervisor.failing():
            yield sentence


if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp

    from talkpath.observatory.intake.collector import IntakeSettings

LOAD_EVERY_S, CLOSE_EVERY_S = 1.0, 3600.0
LOAD_REST, MOST_REST_S = 100.0, 10.0  # the index rests so many times as long as it worked: the intake goes first
KIND_FILE = "kind.json"
CHECK_KEY = "check.pem"
Running = Callable[[Supervisor], AbstractAsyncContextManager[None]]


class Location(NamedTuple):
    """Where an observatory lies, and which responders' keys are listed. `dsn` "": an embedded index in the folder.
    Bundles are kept for `keep_days`, the log for good."""

    root: Path
    dsn: str = ""
    geo: tuple[Path, ...] = ()
    listed: Mapping[str, str] = {}
    judges: int = 1
    keep_days: int = 400


class Observatory:
    """All parts of one observatory. `FileError` or `UsageError` where its folder cannot be used, or is of the other
    kind (simulated or not)."""

    def __init__(
        self,
        place: Location,
        settings: IntakeSettings,
        publication: Publication | None = None,
        clock: ServerClock | None = None,
    ) -> None:
        from talkpath.observatory.intake.collector import Collector
        from talkpath.observatory.intake.contributors import Contributors, HourlyLimit
        from talkpath.observatory.intake.metrics import Metrics
        from talkpath.observatory.intake.routes import ReportApi

        self.clock, self.metrics, self.settings, self._place = clock or ServerClock(), Metrics(), settings, place
        self.log = opened_log(place.root, settings.simulated, self.clock)
        with ExitStack() as undone:  # where a later part cannot be had, the earlier ones are given back
            undone.callback(self.log.close)
            self.sealer = Sealer(self.log, settings.simulated, publication or Publication())
            self.store = Store(dsn_of(place))
            undone.callback(self.store.close)
            self.loader = Loader(self.store, self.log)
            undone.pop_all()
        self.committer = Committer(self.log, self.metrics.committed)
        self.supervisor = Supervisor()
        self.health = HealthCheck(
            log=self.log, committer=self.committer, store=self.store, clock=self.clock, supervisor=self.supervisor
        )
        limits = HourlyLimit(settings.bundles_an_hour, monotonic), HourlyLimit(settings.taps_an_hour, monotonic)
        contributors, geoip = Contributors(self.clock.today), GeoDatabase(place.geo)
        self.collector = Collector(
            log=self.log,
            committer=self.committer,
            geoip=geoip,
            contributors=contributors,
            settings=settings,
            metrics=self.metrics,
            limits=limits,
        )
        self._api = ReportApi(self.collector)

    def routes(self) -> list[BaseRoute]:
        """The report API, /health and /metrics."""
        from starlette.routing import Route

        return [*self._api.routes(), Route("/health", self._health), Route("/metrics", self._metrics)]

    def describe(self, paths: Mapping[str, object], schemas: Mapping[str, object]) -> None:
        """Put what else is served into the OpenAPI document."""
        self._api.describe(paths, schemas)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Judge, and keep the index and the open data up to date, as long as this lasts."""
        from talkpath.observatory.judging.judges import Judges

        judges = Judges(
            log=self.log,
            commit=self.committer.wait,
            listed=self.trusted_responders(),
            simulated=self.settings.simulated,
            on_outcome=self.metrics.judged,
            processes=self._place.judges,
        )
        self.supervisor.start("Judging", lambda: judges.run(self.collector.arrived))
        self.supervisor.start("Loading the index", self._load)
        self.supervisor.start("Sealing days", self._close_days)
        with closing(judges):
            yield

    def trusted_responders(self) -> dict[str, str]:
        """The keys whose receipts place a report: the listed ones, and that of this observatory's own check;
        and who answers for each."""
        own = self._place.root / CHECK_KEY
        named = {raw_key_text(Signer.of_file(own).public): "this observatory"} if own.exists() else {}
        return named | dict(self._place.listed)

    def close(self) -> None:
        """Close the index and the log, and release the folder."""
        self.committer.close()
        self.store.close()
        self.log.close()

    # -- inside ----------------------------------------------------------------------------------------------------

    async def _load(self) -> None:
        while True:
            began_s = monotonic()
            await asyncio.to_thread(self.loader.load)
            self.metrics.stands(self.log.last, self.loader.position, self.loader.passed_over, self.clock.step_s)
            took_s = monotonic() - began_s
            await asyncio.sleep(min(max(LOAD_EVERY_S, LOAD_REST * took_s), MOST_REST_S))

    async def _close_days(self) -> None:
        while not self.clock.set:
            today = self.clock.today()
            await asyncio.to_thread(self.sealer.run, today)
            await asyncio.to_thread(drop_packs, self.log.folder.bundles, later_day(today, -self._place.keep_days))
            await asyncio.to_thread(self.store.tidy)
            await asyncio.sleep(CLOSE_EVERY_S)
        await asyncio.Event().wait()  # /health says why

    async def _health(self, request: Request) -> Response:
        from starlette.responses import Response

        wrong = await self.health.problems()
        body = {
            "schema": "talkpath.health/1",
            "status": "degraded" if wrong else "ok",
            "wrong": wrong,
            "simulated": self.settings.simulated,
            "log_records": self.log.last,
            "index_records": self.loader.position,
            "tasks": self.supervisor.counts(),
        }
        return Response(msgspec.json.encode(body), 503 if wrong else 200, media_type="application/json")

    async def _metrics(self, request: Request) -> Response:
        from starlette.responses import Response

        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4")


def observatory_application(
    observatory: Observatory, more: Sequence[BaseRoute] = (), beside: Sequence[Running] = ()
) -> ASGIApp:
    """The ASGI application: the report API, the observatory's own routes, then `more`. What is in `beside` runs as long
    as the application does, its tasks under the observatory's supervisor."""
    with in_place_of(ImportError, UsageError(NEEDS)):
        from starlette.applications import Starlette

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(observatory.running())
            for running in beside:
                await stack.enter_async_context(running(observatory.supervisor))
            stack.push_async_callback(observatory.supervisor.stop)  # before anything that its tasks use is closed
            yield

    return Starlette(routes=[*observatory.routes(), *more], lifespan=lifespan)


def dsn_of(place: Location) -> str:
    """The index that is named, else the one in the folder."""
    return place.dsn or f"chdb://{(place.root / 'index').resolve()}"


def opened_log(root: Path, simulated: bool, clock: ServerClock | None = None) -> Log:
    """The log in an observatory's folder, opened for writing."""
    folder = Folder(root)
    with in_place_of(OSError, FileError(CANNOT_WRITE_FOLDER)), ExitStack() as undone:
        undone.callback(folder.close)
        _hold_kind(folder.root, simulated)
        load_named_shapes(folder.root)
        log = Log(folder, (clock or ServerClock()).today)
        undone.pop_all()
    return log


def known_apps() -> frozenset[str]:
    """The ids of all apps, those that are known from captures only included."""
    return frozenset(apps())


def _hold_kind(root: Path, simulated: bool) -> None:
    """Check that simulated and measured data never lie in one folder. One that holds nothing yet may become either."""
    file, told, other = root / KIND_FILE, _kind_text(simulated), _kind_text(not simulated)
    if not any(one.stat().st_size for one in (root / "log").glob("*.log*")) and not any((root / "open").iterdir()):
        replace_file(file, told)
    elif not file.exists() or file.read_bytes() not in (told, other):
        raise FileError(f"The folder's {KIND_FILE}, which says if it is SIMULATED, is lost or damaged; copy it back.")
    elif file.read_bytes() == other:
        raise UsageError(f"The folder holds {'measured' if simulated else 'SIMULATED'} data; name another with --data.")


def _kind_text(simulated: bool) -> bytes:
    return msgspec.json.encode({"schema": "talkpath.observatory/1", "simulated": simulated})
