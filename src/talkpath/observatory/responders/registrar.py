"""Decides what becomes of an offer, which servers are tested when, and which are listed: no socket, no clock.

    offered -> tested from outside -> approved by the operator (or nobody has to) -> listed
    listed -> tested every hour; failed twice in a row, not heard for 16 minutes, or taken back -> no longer listed

Where most of the listed servers fail at the same time it is this end's own line that failed: then no failure counts.

Contract: nobody can list somebody else's machine. An offer is signed by the server's key, and it counts only once the
test was answered by that key at that address. Strangers cannot have a host tested more than a few times an hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock

from msgspec.structs import replace

from talkpath.directory.listed_server import ListedServer
from talkpath.directory.offer import RENEW_S, Offer, OfferAnswer, OfferState
from talkpath.directory.server_list import ServerList, sign_list, verify_list
from talkpath.observatory.intake.requests import ReportRefusedError
from talkpath.observatory.responders.server_table import (
    MAX_SERVERS,
    Decision,
    OfferedServer,
    ServerRecord,
    ServerTable,
)
from talkpath.responder.geoip import UNKNOWN_ORIGIN, NetworkOrigin
from talkpath.wire.control.keys import Signer

CLOCKS_APART_S = 600
FORGOTTEN_S = 3 * RENEW_S + 60
TEST_S, RETEST_S, FAILED_TEST_S, WAITING_TEST_S = 3600, 60, 900, 86_400
FAILURES_TO_DELIST = 2
REMEMBERED, LEAST_OWN_FAILURES = 20, 4
KEPT_S: Mapping[Decision, int] = {"waiting": 86_400, "refused": 30 * 86_400, "approved": 365 * 86_400}
PUBLISH_S, SOONEST_S = 3600, 10


@dataclass(frozen=True)
class Registrar:
    """The directory's rules over one table. `is_open`: what passes the test is listed without the operator."""

    table: ServerTable
    signer: Signer
    is_open: bool = False
    _recent: dict[bytes, bool] = field(default_factory=dict, init=False, repr=False)  # of listed servers: did it fail?
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    # -- offers ------------------------------------------------------------------------------------------------------

    def is_new(self, offer: Offer) -> bool:
        """Whether this server was never offered, or stands at another address than before."""
        known = self.table.find(offer.server.key)
        return known is None or known.record.server.address != offer.server.address

    def take(self, offer: Offer, now: int) -> OfferAnswer:
        """Keep an offer that was read and verified; `ReportRefusedError` where it cannot be."""
        if abs(offer.at - now) > CLOCKS_APART_S:
            raise ReportRefusedError("clock", f"This server's clock is {abs(offer.at - now) // 60} minutes off.")
        with self._lock:
            known = self.table.find(offer.server.key)
            if known is None and self.table.count() >= MAX_SERVERS:
                raise ReportRefusedError("busy")
            if known is not None and offer.at < known.record.at:
                raise ReportRefusedError("replayed")
            record = _renewed_server(known.record if known else None, offer)
            self.table.put(offer.server.key, now, record)
        return self.answer(OfferedServer(offer.server.key, known.decision if known else "waiting", now, record), now)

    def answer(self, known: OfferedServer, now: int) -> OfferAnswer:
        """What the server's operator is told."""
        record = known.record
        return OfferAnswer("talkpath.responder/1", self._state(known, now), record.findings, record.tested)

    def _state(self, known: OfferedServer, now: int) -> OfferState:
        record = known.record
        if known.decision == "refused":
            return "refused"
        if record.left:
            return "left"
        if record.failures and not self._is_sound(record):
            return "failed"
        if not record.passed:
            return "untested"
        return "listed" if self.is_listed(known, now) else "approval"

    # -- tests -------------------------------------------------------------------------------------------------------

    def due(self, now: int) -> list[OfferedServer]:
        """The servers to test now, those that waited longest first."""
        alive = [known for known in self.table.all() if _is_here(known, now) and known.decision != "refused"]
        return sorted((known for known in alive if self._is_due(known, now)), key=lambda known: known.record.tested)

    def _is_due(self, known: OfferedServer, now: int) -> bool:
        record = known.record
        if not record.tested or (record.wanted and now - record.tested >= RETEST_S):
            return True
        if record.failures:
            wait_s = max(RETEST_S, FAILED_TEST_S * min(record.failures - 1, 24))  # a moment's trouble is over soon
        else:
            wait_s = TEST_S if self._is_admitted(known) else WAITING_TEST_S
        return now - record.tested >= wait_s

    def tested(
        self,
        known: OfferedServer,
        now: int,
        findings: tuple[str, ...],
        origin: NetworkOrigin = UNKNOWN_ORIGIN,
        address: str = "",
    ) -> None:
        """Keep the outcome of a test of that address: no finding is a pass. `origin`, what this end finds of the
        server's network and country, goes before what its operator says."""
        with self._lock:
            self._keep(known, now, findings, origin, address)

    def _keep(
        self, known: OfferedServer, now: int, findings: tuple[str, ...], origin: NetworkOrigin, address: str
    ) -> None:
        now_known = self.table.find(known.key)
        if now_known is None or now_known.record.server.address != known.record.server.address:
            return  # it was removed, or moved while it was tested
        record = now_known.record
        ok = not findings
        counts = not self._is_own_failure(now_known, now, ok)
        done = replace(
            record,
            server=_placed_server(record.server, origin),
            origin=(origin.network, origin.country),
            wanted=False,
            tested=now,
            passed=now if ok else record.passed,
            reached=address if ok else record.reached,
            failures=0 if ok else record.failures + counts,
            findings=findings if counts else record.findings,
            tests=record.tests + 1,
            passes=record.passes + ok,
        )
        self.table.put(known.key, now_known.heard, done)

    def _is_own_failure(self, known: OfferedServer, now: int, ok: bool) -> bool:
        """Whether most of the listed servers that were tested last failed, this one included."""
        if not self.is_listed(known, now):
            return False
        self._recent.pop(known.key, None)
        self._recent[known.key] = not ok
        for key in list(self._recent)[:-REMEMBERED]:
            del self._recent[key]
        return sum(self._recent.values()) > max(LEAST_OWN_FAILURES, len(self._recent) / 2)

    # -- the list ----------------------------------------------------------------------------------------------------

    def is_listed(self, known: OfferedServer, now: int) -> bool:
        """Whether the server is on the list."""
        return (
            self._is_admitted(known) and known.record.listing and _is_here(known, now) and self._is_sound(known.record)
        )

    def listed(self, now: int) -> list[ListedServer]:
        """The servers of the list."""
        return [known.record.server for known in self.table.all() if self.is_listed(known, now)]

    def publish(self, now: int) -> bytes:
        """The signed list: a new one every hour, and soon after a server came, moved or went."""
        data = self.table.published()
        last = verify_list(data) if data else None
        servers = self.listed(now)
        if last is not None and last.key == self.signer.public and not _is_outdated(last, servers, now):
            return data
        serial = max(now, last.serial + 1 if last else 1)
        data = sign_list(self.signer, serial, datetime.fromtimestamp(now, UTC), servers)
        self.table.publish(data)
        return data

    def forget(self, now: int) -> None:
        """Forget servers that have been silent for long."""
        for decision, kept_s in KEPT_S.items():
            self.table.forget(decision, now - kept_s)

    def _is_admitted(self, known: OfferedServer) -> bool:
        return known.decision == "approved" or (self.is_open and known.decision == "waiting")

    def _is_sound(self, record: ServerRecord) -> bool:
        """Whether it passed the test at its address, and has not failed twice in a row since."""
        return record.passed > 0 and record.failures < FAILURES_TO_DELIST


def _renewed_server(before: ServerRecord | None, offer: Offer) -> ServerRecord:
    """The record after an offer. Another address is another machine: what was tested before does not count."""
    asked = offer.purpose == "test"
    listing = offer.purpose == "list" or (asked and before is not None and before.listing)
    if before is None or before.server.address != offer.server.address:
        before = ServerRecord(server=offer.server, at=offer.at)
    return replace(
        before,
        server=_placed_server(offer.server, before.origin) if before.origin else offer.server,
        at=offer.at,
        left=offer.purpose == "leave",
        listing=listing,
        wanted=asked or before.wanted,
        version=offer.version,
        contact=offer.contact,
    )


def _placed_server(server: ListedServer, origin: tuple[str, str]) -> ListedServer:
    """The server at the network and in the country that this end found, as far as it found them."""
    number, country = int(origin[0].removeprefix("AS")), origin[1]
    return replace(
        server,
        network=number or server.network,
        country=server.country if country == UNKNOWN_ORIGIN.country else country,
    )


def _is_here(known: OfferedServer, now: int) -> bool:
    """Whether the server still renews its offer."""
    return not known.record.left and now - known.heard <= FORGOTTEN_S


def _is_outdated(last: ServerList, servers: list[ListedServer], now: int) -> bool:
    if not last.issued <= now:
        return False  # the clock was set back: the list stays until it is there again
    age_s = now - last.issued
    return age_s >= PUBLISH_S or (age_s >= SOONEST_S and _what_counts(last.servers) != _what_counts(servers))


def _what_counts(servers: list[ListedServer] | tuple[ListedServer, ...]) -> list[ListedServer]:
    """What makes a list another one before its hour is over: not the number of free places."""
    return [replace(server, free=min(server.free, 1)) for server in servers]
