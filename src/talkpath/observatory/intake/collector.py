"""The collector: decides what is taken of everything that comes in, and writes it to the log. No HTTP, no database.

Contract: a method returns once what it took is durable, or raises `ReportRefusedError`. A bundle is taken if its
signatures verify and its facts would not cause more work than any check's; it is judged later, by another process
(judging/). Of its facts only the outline is read here, 16 MB at most, in a thread: a compression bomb cannot exhaust
this process.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from msgspec import Struct

from talkpath.errors import BundleError, TalkpathError
from talkpath.evidence.bundle import FACTS_PART, SECOND_PART, Seal, UnverifiedBundle, read_unverified
from talkpath.evidence.compression import decompress
from talkpath.evidence.share import SHA256_HEX
from talkpath.measure.decode import MOST_FACTS_BYTES, require_bounded_work
from talkpath.observatory.events.record import UNKNOWN_COUNTRY
from talkpath.observatory.intake.contributors import Contributor, Contributors, HourlyLimit
from talkpath.observatory.intake.metrics import Metrics
from talkpath.observatory.intake.requests import ReportRefusedError
from talkpath.observatory.log.committer import Committer
from talkpath.observatory.log.log import Log
from talkpath.observatory.log.records import Placed, Received, Record, Tap
from talkpath.observatory.log.register import Known
from talkpath.observatory.log.segments import LogError
from talkpath.responder.geoip import GeoDatabase, NetworkOrigin

RETRY_S = 60
OUTLINES_AT_ONCE = 2  # each may be 16 MB


class IntakeSettings(Struct, frozen=True):
    """The operator's settings. Nothing is taken from the countries in `stopped`; taps may name the ids in `apps`."""

    simulated: bool = False
    most_bytes: int = 2 << 20
    bundles_an_hour: int = 120
    taps_an_hour: int = 60
    stopped: frozenset[str] = frozenset()
    apps: frozenset[str] = frozenset()
    media: frozenset[str] = frozenset(("voice", "video", "text"))


class ReportStatus(NamedTuple):
    """The state of a report. `new`: this request added it."""

    id: str
    state: str
    new: bool = False
    why: str = ""


class SenderOrigin(NamedTuple):
    """Who sends a request: a pseudonym, and the network and country that this end finds for the address."""

    contributor: Contributor
    where: NetworkOrigin


class Collector:
    """Takes bundles, taps and withdrawals. Its `Contributors`, limits and `Metrics` are used by no other object."""

    def __init__(
        self,
        log: Log,
        committer: Committer,
        geoip: GeoDatabase,
        contributors: Contributors,
        settings: IntakeSettings,
        metrics: Metrics,
        limits: tuple[HourlyLimit, HourlyLimit],
    ) -> None:
        self.log, self.settings, self.metrics = log, settings, metrics
        self._committer, self._geoip, self._contributors = committer, geoip, contributors
        self._bundles, self._taps = limits
        self._outlines = asyncio.Semaphore(OUTLINES_AT_ONCE)
        self.arrived = asyncio.Event()
        """Set whenever a report was taken that is not judged yet."""

    def sender(self, host: str | None) -> SenderOrigin:
        """The pseudonym and network of an address. The address itself is not kept."""
        return SenderOrigin(self._contributors.of(host), self._geoip.find(host or ""))

    def admit(self, host: str | None) -> SenderOrigin:
        """Check the limit and the stop rule before the body of a bundle is read."""
        sender = self.sender(host)
        self._bundles.require(sender.contributor)
        self._require_not_stopped(sender.where.country)
        return sender

    async def take(self, data: bytes, sender: SenderOrigin, withdraw: str = "", name: str = "") -> ReportStatus:
        """Take a bundle. `withdraw` is the SHA-256 of the secret that takes it back, `name` the id that the sender
        expects."""
        record = await self._received(data, sender, withdraw, name)
        new = await self._commit(record, data)
        self.metrics.took("bundle", new)
        if not new:
            return self.look_up(record.id, "known_run")
        self.arrived.set()
        return ReportStatus(record.id, "received", new)

    async def tap(self, app: str, medium: str, host: str | None) -> ReportStatus:
        """Count a tap ("my call failed"). A contributor's second tap of a day for the same app and medium is the same
        tap."""
        if app not in self.settings.apps or medium not in self.settings.media:
            raise ReportRefusedError("unknown_app")
        contributor, where = self.sender(host)
        self._taps.require(contributor)
        self._require_not_stopped(where.country)
        day = self._contributors.today()
        placed: Placed = "ingest" if where != NetworkOrigin() else ""
        record = Tap(
            id=hashlib.sha256(repr(("tap", *contributor, app, medium, day)).encode()).hexdigest(),
            day=day,
            measured=day,
            app=app,
            medium=medium,
            network=where.network,
            country=where.country,
            placed=placed,
            contributor=contributor.pseudonym,
            contributor_key=contributor.key,
            simulated=self.settings.simulated,
        )
        new = await self._commit(record)
        self.metrics.took("tap", new)
        return ReportStatus(record.id, "counted", new)

    def look_up(self, name: str, refusal: str = "not_found") -> ReportStatus:
        """The state of a report; refused with that code where there is none."""
        known = self._known(name, refusal)
        return ReportStatus(name, known.state, why=known.why)

    async def withdraw(self, name: str, secret: str) -> str:
        """Take a report back: "removed", or "tombstone" where its day is sealed already."""
        known = self._known(name)
        given = hashlib.sha256(bytes.fromhex(secret)).hexdigest() if SHA256_HEX.fullmatch(secret) else ""
        if not known.received.withdraw or not hmac.compare_digest(given, known.received.withdraw):
            raise ReportRefusedError("not_found")
        if known.state == "withdrawn":
            return "tombstone"
        with _refused_as("not_durable", LogError, RETRY_S):
            record = await asyncio.to_thread(self.log.withdraw, known)
        self.metrics.took("withdrawal", True)
        return "tombstone" if record.tombstone else "removed"

    # -- inside ----------------------------------------------------------------------------------------------------

    def _known(self, name: str, refusal: str = "not_found") -> Known:
        known = self.log.register.find(name) if SHA256_HEX.fullmatch(name) else None
        if known is None:
            raise ReportRefusedError(refusal)
        return known

    async def _received(self, data: bytes, sender: SenderOrigin, withdraw: str, name: str) -> Received:
        """The record of a bundle whose signatures verify; the log fills in where its bytes lie."""
        if len(data) > self.settings.most_bytes:
            raise ReportRefusedError("too_large")
        digest = hashlib.sha256(data).hexdigest()
        if name and name != digest:
            raise ReportRefusedError("wrong_id")
        if withdraw and not SHA256_HEX.fullmatch(withdraw):
            raise ReportRefusedError("bad_request", "Talkpath-Withdraw has to be a SHA-256 in hex, of the secret.")
        bundle, seal = _verified(data)
        self._require_acceptable(seal)
        async with self._outlines:
            await asyncio.to_thread(_require_bounded_work, bundle)
        return Received(
            id=digest,
            day="",
            size_bytes=len(data),
            withdraw=withdraw,
            network=sender.where.network,
            country=sender.where.country,
            contributor=sender.contributor.pseudonym,
            contributor_key=sender.contributor.key,
            run="" if seal.simulated else seal.run,
        )

    def _require_acceptable(self, seal: Seal) -> None:
        if seal.simulated != self.settings.simulated:
            raise ReportRefusedError("simulated" if seal.simulated else "not_simulated")
        self._require_not_stopped(seal.receipt.country if seal.receipt else UNKNOWN_COUNTRY)

    def _require_not_stopped(self, country: str) -> None:
        if country in self.settings.stopped:
            raise ReportRefusedError("stopped")

    async def _commit(self, record: Record, data: bytes = b"") -> bool:
        with _refused_as("not_durable", LogError, RETRY_S):
            return await self._committer.wait(record, data)


def _verified(data: bytes) -> tuple[UnverifiedBundle, Seal]:
    """A bundle, and what it says of itself, once its signatures verify."""
    with _refused_as("changed", BundleError):
        bundle = read_unverified(data)
        seal = bundle.seal()
    return bundle, seal


@contextmanager
def _refused_as(code: str, met: type[TalkpathError], retry_after_s: int = 0) -> Iterator[None]:
    """Refuse with that code, and in the error's own words, what fails so in the block."""
    try:
        yield
    except met as error:
        raise ReportRefusedError(code, str(error), retry_after_s) from None


def _require_bounded_work(bundle: UnverifiedBundle) -> None:
    """Refuse facts that would cause more work than any check's, those of a second test server as well."""
    if bundle.manifest.kind != "check":
        return
    with _refused_as("changed", BundleError):
        require_bounded_work(decompress(bundle.parts[FACTS_PART], MOST_FACTS_BYTES))
        if SECOND_PART in bundle.parts:
            second = read_unverified(bundle.parts[SECOND_PART])
            require_bounded_work(decompress(second.parts.get(FACTS_PART, b""), MOST_FACTS_BYTES))
