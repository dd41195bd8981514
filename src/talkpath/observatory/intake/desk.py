"""What is decided of each thing that comes in. No HTTP, no database; the disk through the log alone.

Contract: a method returns once what it took is durable, or raises `RefusedError`. A bundle is taken if every bit is as
it was signed; what it says is found out later. Its facts are never unpacked here, so that no bomb goes off here.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from msgspec import Struct

from talkpath.errors import BundleError
from talkpath.evidence.bundle import Seal, Whole, read_whole
from talkpath.observatory.intake.contributors import Contributor, Contributors, Limit
from talkpath.observatory.intake.metrics import Metrics
from talkpath.observatory.intake.refusal import RefusedError
from talkpath.observatory.log.append import LogError
from talkpath.observatory.log.committer import Committer, Outcome
from talkpath.observatory.log.log import Log
from talkpath.observatory.log.records import Placed, Received, Record, Tap
from talkpath.observatory.log.register import Known
from talkpath.responder.whereabouts import Atlas, Whereabouts

HEX = re.compile(r"[0-9a-f]{64}")
RETRY_S = 60
TOGETHER = 64  # bundles at most that wait for each other: they are in memory


class Settings(Struct, frozen=True):
    """The operator's. `stopped` are countries that nothing is taken from, `apps` the ids that may be tapped."""

    simulated: bool = False
    most_bytes: int = 2 << 20
    bundles_an_hour: int = 120
    taps_an_hour: int = 60
    stopped: frozenset[str] = frozenset()
    apps: frozenset[str] = frozenset()
    media: frozenset[str] = frozenset(("voice", "video", "text"))


class Answer(NamedTuple):
    """What a report is now. `new`: it was not there before."""

    id: str
    state: str
    new: bool = False
    why: str = ""


Tell = Callable[[Answer | Exception], None]
Value = TypeVar("Value")


class Sender(NamedTuple):
    """Whoever sends something: a pseudonym, and this end's own finding of where that is."""

    who: Contributor
    where: Whereabouts


class _Sent(NamedTuple):
    """A bundle as it came, and who waits to be told."""

    data: bytes
    sender: Sender
    withdraw: str
    tell: Tell


class _Found(NamedTuple):
    """What was found of one before its signatures were looked at."""

    id: str
    size_bytes: int
    withdraw: str
    whole: Whole


class Desk:
    """Where things come in. `Atlas` finds networks; `Contributors`, `Limit` and `Metrics` are this desk's own."""

    def __init__(self, log: Log, committer: Committer, atlas: Atlas, people: Contributors, settings: Settings,
                 metrics: Metrics, limits: tuple[Limit, Limit]) -> None:  # fmt: skip
        self.log, self.settings, self.metrics = log, settings, metrics
        self._committer, self._atlas, self._people = committer, atlas, people
        self._bundles, self._taps = limits
        self._came: list[_Sent] = []
        self.arrived = asyncio.Event()
        """Set whenever a report was taken that nobody judged yet."""

    def sender(self, host: str | None) -> Sender:
        """Who sends from that address, which is forgotten."""
        return Sender(self._people.of(host), self._atlas.find(host or ""))

    def admit(self, host: str | None) -> Sender:
        """Before a bundle is read: whoever sends from there, if they may send one more."""
        sender = self.sender(host)
        self._within(self._bundles, sender.who)
        self._not_stopped(sender.where.country)
        return sender

    async def take(self, data: bytes, sender: Sender, withdraw: str = "", name: str = "") -> Answer:
        """A bundle. `withdraw`: SHA-256 of the secret that takes it back, `name`: the id that the sender expects."""
        record = self._received(self._look(data, withdraw, name), sender)
        return self._taken(record.id, await self._commit(record, data))

    def put(self, data: bytes, sender: Sender, withdraw: str, tell: Tell) -> None:
        """The same without a task: `tell` is called in this loop, with a `RefusedError` too.

        Of all that come in one turn of the loop every one is hashed, then every one is verified. What runs many times
        in a row stays in the processor's caches, which different work by turns keeps emptying.
        """
        if not self._came:
            asyncio.get_running_loop().call_soon(self._take_all)
        self._came.append(_Sent(data, sender, withdraw, tell))
        if len(self._came) >= TOGETHER:
            self._take_all()

    async def tap(self, app: str, medium: str, host: str | None) -> Answer:
        """ "My call failed." The same person's second tap of a day for the same app and medium counts as the first."""
        if app not in self.settings.apps or medium not in self.settings.media:
            raise RefusedError("unknown_app")
        who, where = self.sender(host)
        self._within(self._taps, who)
        self._not_stopped(where.country)
        day = self._people.today()
        name = hashlib.sha256(repr(("tap", *who, app, medium, day)).encode()).hexdigest()
        placed: Placed = "ingest" if where != Whereabouts() else ""
        record = Tap(name, day, day, app, medium, *where, placed, *who, self.settings.simulated)
        new = await self._commit(record)
        self.metrics.took("tap", new)
        return Answer(name, "counted", new)

    def look_up(self, name: str) -> Answer:
        """What became of a report."""
        known = self._known(name)
        return Answer(name, known.state, why=known.why)

    async def withdraw(self, name: str, secret: str) -> str:
        """ "removed", or "tombstone" where its day is sealed."""
        known = self._known(name)
        given = hashlib.sha256(bytes.fromhex(secret)).hexdigest() if HEX.fullmatch(secret) else ""
        if not known.received.withdraw or not hmac.compare_digest(given, known.received.withdraw):
            raise RefusedError("not_found")
        if known.state == "withdrawn":
            return "tombstone"
        try:
            record = await asyncio.to_thread(self.log.withdraw, known)
        except LogError as error:
            raise RefusedError("not_durable", str(error), RETRY_S) from None
        self.metrics.took("withdrawal", True)
        return "tombstone" if record.tombstone else "removed"

    # -- inside ----------------------------------------------------------------------------------------------------

    def _known(self, name: str) -> Known:
        known = self.log.find(name) if HEX.fullmatch(name) else None
        if known is None:
            raise RefusedError("not_found")
        return known

    def _take_all(self) -> None:
        came, self._came = self._came, []
        found = [(sent, _tried(sent, self._look, sent.data, sent.withdraw)) for sent in came]
        for sent, one in found:
            if one is not None:
                _tried(sent, self._verify, sent, one)

    def _verify(self, sent: _Sent, found: _Found) -> None:
        def told(outcome: Outcome) -> None:
            answer = _tried(sent, lambda: self._taken(found.id, _new(outcome)))
            if answer is not None:
                sent.tell(answer)

        self._committer.put(self._received(found, sent.sender), sent.data, told)

    def _look(self, data: bytes, withdraw: str, name: str = "") -> _Found:
        if len(data) > self.settings.most_bytes:
            raise RefusedError("too_large")
        found = hashlib.sha256(data).hexdigest()
        if name and name != found:
            raise RefusedError("wrong_id")
        if withdraw and not HEX.fullmatch(withdraw):
            raise RefusedError("bad_request", "Talkpath-Withdraw has to be a SHA-256 in hex, of the secret.")
        try:
            return _Found(found, len(data), withdraw, read_whole(data))
        except BundleError as error:
            raise RefusedError("changed", str(error)) from None

    def _received(self, found: _Found, sender: Sender) -> Received:
        try:
            seal = found.whole.seal()
        except BundleError as error:
            raise RefusedError("changed", str(error)) from None
        if seal.simulated != self.settings.simulated:
            raise RefusedError("simulated" if seal.simulated else "not_simulated")
        self._not_stopped(_country(seal))
        return Received(found.id, "", found.size_bytes, 0, 0, found.withdraw, *sender.where, *sender.who)

    def _taken(self, name: str, new: bool) -> Answer:
        self.metrics.took("bundle", new)
        if not new:
            return self.look_up(name)
        self.arrived.set()
        return Answer(name, "received", new)

    def _within(self, limit: Limit, who: Contributor) -> None:
        wait_s = limit.wait_s(who)
        if wait_s:
            raise RefusedError("limited", retry_after_s=int(wait_s) + 1)

    def _not_stopped(self, country: str) -> None:
        if country in self.settings.stopped:
            raise RefusedError("stopped")

    async def _commit(self, record: Record, data: bytes = b"") -> bool:
        try:
            return await self._committer.wait(record, data)
        except LogError as error:
            return _new(error)


def _tried(sent: _Sent, step: Callable[..., Value], *given: object) -> Value | None:
    """None where it failed, a bug too: then whoever sent that is told (nobody else could), and the others go on."""
    try:
        return step(*given)
    except Exception as error:  # noqa: BLE001
        asyncio.get_running_loop().call_soon(sent.tell, error)
        return None


def _new(outcome: Outcome) -> bool:
    """Of the log, for whoever sent it."""
    if isinstance(outcome, LogError):
        raise RefusedError("not_durable", str(outcome), RETRY_S) from None
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _country(seal: Seal) -> str:
    return seal.receipt.country if seal.receipt else "ZZ"
