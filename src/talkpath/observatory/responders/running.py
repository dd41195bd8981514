"""The directory of a running observatory: tests offered servers from this side, and keeps the signed list fresh.

Tests are run in processes of their own, a few at once. The requests of strangers are limited: by the sender's address
block for offers, by the block of the called host for tests of an address that has never passed one: a name
that is pointed elsewhere later may lead to a stranger. Names that strangers offer are looked up in threads of their
own: a name service that they run, and that never answers, holds up other new servers alone, not those that renew their
offer, nor the observatory's intake.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from pathlib import Path
from threading import Lock
from typing import NamedTuple, TypeVar

from talkpath.directory.listed_server import is_public, resolve_host
from talkpath.directory.offer import Offer, OfferAnswer, read_offer
from talkpath.directory.server_list import verify_list
from talkpath.errors import PeerError, WireError
from talkpath.observatory.intake.contributors import Contributors, HourlyLimit
from talkpath.observatory.intake.requests import ReportRefusedError
from talkpath.observatory.responders.outside_test import look_from_outside
from talkpath.observatory.responders.registrar import Registrar
from talkpath.observatory.responders.server_table import (
    DirectorySummary,
    OfferedServer,
    ServerTable,
    by_country,
    shown_server,
)
from talkpath.observatory.workers import WorkerPool
from talkpath.responder.geoip import GeoDatabase
from talkpath.serving.supervisor import Supervisor
from talkpath.wire.control.keys import Signer, raw_key_text

KEY_FILE = "servers.pem"
OFFERS_AN_HOUR, NEW_SERVERS_AN_HOUR, STRANGERS_TESTS_AN_HOUR = 600, 12, 12
TEST_S = 90.0
LOOK_S, PUBLISH_LOOK_S = 2.0, 5.0
TEST_HOLD_S = 300.0
NAME_THREADS, MOST_NAMES_WAITING = 4, 16
Result = TypeVar("Result")


class DirectorySettings(NamedTuple):
    """The operator's settings. `is_open`: servers that pass the test are listed without being approved. `private`:
    servers at private addresses may be offered, for an intranet or a laboratory."""

    is_open: bool = False
    private: bool = False
    tests_at_once: int = 2


class ServerDirectory:
    """The directory in an observatory's folder. `now` is the wall clock."""

    def __init__(
        self,
        root: Path,
        settings: DirectorySettings,
        geoip: GeoDatabase,
        today: Callable[[], str],
        now: Callable[[], float] = time.time,
    ) -> None:
        self.geoip, self._settings, self._now = geoip, settings, now
        self._registrar = Registrar(ServerTable(root), Signer.of_file(root / KEY_FILE), settings.is_open)
        self._contributors, self._lock = Contributors(today), Lock()
        self._offers = HourlyLimit(OFFERS_AN_HOUR, time.monotonic)
        self._new = HourlyLimit(NEW_SERVERS_AN_HOUR, time.monotonic)
        self._strangers = HourlyLimit(STRANGERS_TESTS_AN_HOUR, time.monotonic)
        self._held: dict[bytes, float] = {}
        self._pool = WorkerPool(settings.tests_at_once, "tests servers")
        self._threads = ThreadPoolExecutor(2 * settings.tests_at_once + 2, "test servers")
        self._name_threads, self._names_waiting = ThreadPoolExecutor(NAME_THREADS, "names of test servers"), 0
        self.data = b""
        self.summary = DirectorySummary(raw_key_text(self._registrar.signer.public), 0, "")
        self.publish()

    @property
    def key(self) -> bytes:
        """The key that signs the list."""
        return self._registrar.signer.public

    def close(self) -> None:
        """End the tests and close the table."""
        self._pool.close()
        for threads in (self._threads, self._name_threads):
            threads.shutdown(wait=False, cancel_futures=True)
        self._registrar.table.close()

    # -- offers ------------------------------------------------------------------------------------------------------

    async def take(self, data: bytes, host: str | None) -> OfferAnswer:
        """Take an offer that came from this address; `ReportRefusedError` where it is refused."""
        offer, is_new = await self._in_thread(self._read, data, host)
        if is_new and not await self._may_be_called(offer.server.address.host):
            raise ReportRefusedError("address")
        return await self._in_thread(self._registrar.take, offer, int(self._now()))

    async def find(self, key: bytes) -> OfferAnswer | None:
        """What is known of a server."""
        known = await self._in_thread(self._registrar.table.find, key)
        return self._registrar.answer(known, int(self._now())) if known else None

    def _read(self, data: bytes, host: str | None) -> tuple[Offer, bool]:
        """The offer, and whether it is of a new server."""
        self._count(self._offers, host)
        try:
            offer = read_offer(data, self.key)
        except WireError as error:
            raise ReportRefusedError("offer", str(error)) from None
        is_new = self._registrar.is_new(offer)
        if is_new:
            self._count(self._new, host)
        return offer, is_new

    def _count(self, limit: HourlyLimit, host: str | None) -> None:
        """Count one more of this address block; `ReportRefusedError` beyond the limit."""
        with self._lock:
            limit.require(self._contributors.of(host))

    async def _may_be_called(self, host: str) -> bool:
        if self._names_waiting >= MOST_NAMES_WAITING:
            raise ReportRefusedError("busy", retry_after_s=int(TEST_HOLD_S))
        self._names_waiting += 1
        try:
            addresses = await asyncio.get_running_loop().run_in_executor(self._name_threads, resolve_host, host)
        finally:
            self._names_waiting -= 1
        return bool(addresses) and (self._settings.private or all(map(is_public, addresses)))

    async def _in_thread(self, work: Callable[..., Result], *arguments: object) -> Result:
        """Do work that waits, in one of the directory's own threads: those of asyncio are the intake's."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    # -- tasks -------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def running(self, supervisor: Supervisor) -> AsyncIterator[None]:
        """Test and publish as long as this lasts."""
        supervisor.start("Testing test servers", self._test_all)
        supervisor.start("Publishing the list of test servers", self._publish_all)
        with closing(self._pool):
            yield

    async def _publish_all(self) -> None:
        while True:
            await self._in_thread(self.publish)
            await asyncio.sleep(PUBLISH_LOOK_S)

    def publish(self) -> None:
        """Make the list anew where it is due, and what is shown of it."""
        now = int(self._now())
        self._registrar.forget(now)
        self.data = self._registrar.publish(now)
        made = verify_list(self.data)
        servers = [
            shown_server(known) for known in self._registrar.table.all() if self._registrar.is_listed(known, now)
        ]
        issued_at = made.issued_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        self.summary = DirectorySummary(
            raw_key_text(made.key), made.serial, issued_at, tuple(servers), by_country(servers)
        )

    async def _test_all(self) -> None:
        """Test what is due, a few at once."""
        while True:
            due = await self._in_thread(self._registrar.due, int(self._now()))
            ready = [known for known in due if self._held.get(known.key, 0.0) <= time.monotonic()]
            for first in range(0, len(ready), self._settings.tests_at_once):
                await asyncio.gather(*map(self._test, ready[first : first + self._settings.tests_at_once]))
            self._held = {key: until_s for key, until_s in self._held.items() if until_s > time.monotonic()}
            await asyncio.sleep(LOOK_S)

    async def _test(self, known: OfferedServer) -> None:
        """Test one server and keep what was found."""
        host = known.record.server.address.host
        found = await self._in_thread(resolve_host, host)
        addresses = sorted(found, key=lambda address: ":" in address)  # not every observatory has IPv6
        if not addresses:
            await self._keep(known, ("seen from outside: its name cannot be looked up",), "")
        elif not self._settings.private and not all(map(is_public, addresses)):
            await self._keep(known, ("seen from outside: its name leads to a private address",), "")
        elif addresses[0] != known.record.reached and self._is_limited(addresses[0]):
            self._held[known.key] = time.monotonic() + TEST_HOLD_S
        else:
            await self._look(known, addresses[0])

    def _is_limited(self, address: str) -> bool:
        """Whether strangers had this host's address block tested too often."""
        try:
            self._count(self._strangers, address)
        except ReportRefusedError:
            return True
        return False

    async def _look(self, known: OfferedServer, address: str) -> None:
        work = self._in_thread(self._pool.run, look_from_outside, known.record.server, address)
        try:
            findings = await asyncio.wait_for(work, TEST_S)
        except TimeoutError:
            self._pool.close()
            findings = ("seen from outside: the test did not end",)
        except PeerError:  # the process ended: not the server's fault
            self._held[known.key] = time.monotonic() + TEST_HOLD_S
            return
        await self._keep(known, findings, address)

    async def _keep(self, known: OfferedServer, findings: tuple[str, ...], address: str) -> None:
        origin = self.geoip.find(address)
        await self._in_thread(self._registrar.tested, known, int(self._now()), findings, origin, address)
