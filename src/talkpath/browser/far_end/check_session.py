"""The far end of one check: answers the page's messages, runs its epochs, and hands on the facts.

Messages are JSON objects with a `type` (docs/why/2026-11-24-browser.md lists them). `receive` takes those of the page,
`tell` sends ours. The facts are sent as soon as an epoch's report has come; the web server judges them, and asks for
another epoch or ends the check.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from talkpath.browser.far_end import schedule
from talkpath.browser.far_end.check_record import CheckRecord
from talkpath.browser.far_end.counts_to_facts import call_paths
from talkpath.browser.far_end.counts_to_facts.call_paths import CallPath
from talkpath.browser.far_end.counts_to_facts.epoch_report import PageEpochReport
from talkpath.browser.far_end.epoch_run import EpochRun
from talkpath.browser.far_end.schedule import EpochSchedule, FlowSchedule
from talkpath.browser.far_end.transports.shared_port import SharedPort
from talkpath.browser.far_end.transports.webtransport_twin import WebTransportTwin
from talkpath.browser.webrtc.call_media import MEDIA_BY_NAME, PAYLOAD_BYTES, TICK_MS, VOICE_MEDIUM, CallMedium
from talkpath.errors import PeerError
from talkpath.experiment.seeds import SEED_PART_BYTES
from talkpath.wire.control.question import WatchedCalls

CODE_ERRORS = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
"""What reading a message of a page may raise; `msgspec.ValidationError` is a ValueError."""

Tell = Callable[[dict[str, Any]], None]


class CheckSession:
    """One check.

    `host` is this server's address as the page reached it, `page` the page's address as the server saw it. The server
    of the twins finds each in `twins`, by its path.
    """

    def __init__(
        self, port: SharedPort, host: str, twins: dict[str, WebTransportTwin], tell: Tell, page: str = ""
    ) -> None:
        self._port, self._host, self._twins, self._tell = port, host, twins, tell
        self._own_seed, self._page_seed = secrets.token_bytes(SEED_PART_BYTES), b""
        self._token = secrets.token_urlsafe(12)
        self._record = CheckRecord(page, port)
        self._media: tuple[CallMedium, ...] = (VOICE_MEDIUM,)
        self._vpn: bool | None = None
        self._has_channels = False
        self._run: EpochRun | None = None
        self._watch: EpochRun | None = None  # the calls that live on beside the epochs
        self._watched_media: set[str] = set()
        self._drawn_count = 0
        self._due: set[int] = set()  # the epochs whose reports are

    @property
    def seed(self) -> bytes:
        """The check's seed, once both ends gave their part."""
        return schedule.check_seed(self._own_seed, self._page_seed)

    def commitment(self) -> str:
        """A hash that binds this end to its part of the seed before the page sends its own."""
        return schedule.check_seed(self._own_seed, b"").hex()

    async def receive(self, message: dict[str, Any]) -> None:
        """Act on a message of the page or of the web server. `PeerError` if it cannot be read."""
        handlers = {
            "start": self._start,
            "next": self._next,
            "paths": self._try_paths,
            "finish": self._finish_watch,
            "offer": self._offer,
            "media": self._start_media,
            "report": self._report,
        }
        handle = handlers.get(str(message.get("type")))
        if handle is None:
            raise PeerError("The page sent a message that this server does not know; load the page again.")
        try:
            await handle(message)
        except CODE_ERRORS as error:
            raise PeerError("The page sent something that this server cannot read; load the page again.") from error

    # -- messages ---------------------------------------------------------------------------------------------------

    async def _start(self, message: dict[str, Any]) -> None:
        if self._page_seed:
            raise PeerError("This check has begun already; load the page again.")
        nonce = bytes.fromhex(message["nonce"])
        if len(nonce) != SEED_PART_BYTES:
            raise ValueError("a nonce of another length")
        self._page_seed = nonce
        vpn = message.get("vpn")
        self._vpn = vpn if isinstance(vpn, bool) else None
        self._has_channels = message.get("twins") == "channel"
        self._media = tuple(MEDIA_BY_NAME[name] for name in dict.fromkeys(message.get("media", (VOICE_MEDIUM.name,))))
        await self._next({"medium": self._media[0].name})

    async def _next(self, message: dict[str, Any]) -> None:
        """Begin the epoch that the web server asks for (`EpochRequest`).

        Beside the first one of each medium begin a call and its twin that live on.
        """
        request = msgspec.convert(message, schedule.EpochRequest)
        run = await self._new_run(self._draw(request))
        if request.medium not in self._watched_media:
            await self._close_watch()
            self._watch = self._made_run(self._draw(schedule.watch_request(request.medium)))
            self._watched_media.add(request.medium)
            beside = self._order(self._watch, self._watch.opening_messages(), schedule.SETUP_S)
            self._tell_epoch(run, run.opening_messages(), schedule.SETUP_S, beside)
        else:
            self._tell_epoch(run, run.opening_messages(), schedule.SETUP_S)

    async def _try_paths(self, message: dict[str, Any]) -> None:
        """Begin the epoch of one call for each path."""
        number = self._port.address[1]
        direct = CallPath(name=f"udp/{number}", transport="udp", port=number)
        paths = (direct, *msgspec.convert(message["paths"], tuple[CallPath, ...]))
        flows = tuple(FlowSchedule(flow, "call") for flow in range(len(paths)))
        drawn = EpochSchedule(self._next_number(), flows, replace(VOICE_MEDIUM, slots=call_paths.PATH_SLOTS))
        run = await self._new_run(drawn, paths)
        login = {"username": message["user"], "credential": message["password"]}
        openings = [{"flow": flow, "kind": "call", **_ice_settings(path, login)} for flow, path in enumerate(paths)]
        self._tell_epoch(run, openings, call_paths.SETUP_S)

    async def _finish_watch(self, message: dict[str, Any]) -> None:
        """End the calls that live on, once `least` packets of each were due."""
        if self._watch is None:
            raise ValueError("no call is watched")
        run, least = self._watch, int(message["least"])
        left_s = run.stop_soon(least)
        told = {"type": "finish", "number": run.schedule.number, "medium": run.schedule.medium.name}
        self._tell(told | {"slots": run.slots, "left_s": left_s})

    async def _offer(self, message: dict[str, Any]) -> None:
        number, flow = int(message["number"]), int(message["flow"])
        run = self._run_of(number)
        if run is None:
            raise PeerError("The page offered a call that was not due; load the page again.")
        sdp = await run.answer(flow, str(message["sdp"]))
        self._tell({"type": "answer", "number": number, "flow": flow, "sdp": sdp})

    async def _start_media(self, message: dict[str, Any]) -> None:
        """All flows of an epoch are set up: both ends begin to send."""
        number = int(message["number"])
        run = self._run_of(number)
        if run is not None and run.start():
            self._tell({"type": "go", "number": number})

    async def _report(self, message: dict[str, Any]) -> None:
        """The page's counts of an epoch; together with this end's they are its facts."""
        report = msgspec.convert(message["report"], PageEpochReport)
        run = self._run_of(report.number)
        if run is None or not run.has_run():
            raise PeerError("The page reported on something that was not asked; load the page again.")
        is_first = not self._record.epochs and not self._has_channels
        if is_first and _has_only_quic_failed(run.schedule, report):
            self._has_channels = True
            self._watched_media.clear()
            await self._next({"medium": run.schedule.medium.name})
            return
        self._due.discard(report.number)
        if run is self._watch or not self._record.leave_out_late(run, report):
            await self._record.add(run, report, self.seed)
        if run is self._watch:
            await self._close_watch()
        self._tell_facts()

    # -- epochs -----------------------------------------------------------------------------------------------------

    def _next_number(self) -> int:
        self._drawn_count += 1
        return self._drawn_count - 1

    def _draw(self, request: schedule.EpochRequest) -> EpochSchedule:
        return schedule.requested_schedule(self.seed, self._next_number(), request)

    def _run_of(self, number: int) -> EpochRun | None:
        """The run of that epoch whose report is due; None if there is none."""
        runs = (run for run in (self._run, self._watch) if run is not None and run.schedule.number == number)
        return next(runs, None) if number in self._due else None

    async def _new_run(self, drawn: EpochSchedule, paths: tuple[CallPath, ...] = ()) -> EpochRun:
        """Close the last epoch's flows, and make those of the next."""
        if self._run is not None:
            await self._run.close()
        self._run = self._made_run(drawn, paths)
        return self._run

    def _made_run(self, drawn: EpochSchedule, paths: tuple[CallPath, ...] = ()) -> EpochRun:
        self._due.add(drawn.number)
        return EpochRun(
            drawn,
            drawn.medium.slots,
            self._port,
            self._host,
            has_channels=self._has_channels,
            path=f"/twin/{self._token}/{drawn.number}",
            twins=self._twins,
            call_paths=paths,
        )

    def _tell_epoch(
        self, run: EpochRun, openings: list[dict[str, Any]], setup_s: float, beside: dict[str, Any] | None = None
    ) -> None:
        """Have the page open these flows, in this order, and then those of `beside`."""
        order = {"type": "epoch", "seed": self._own_seed.hex(), **self._order(run, openings, setup_s)}
        self._tell(order | ({"beside": beside} if beside else {}))

    def _order(self, run: EpochRun, openings: list[dict[str, Any]], setup_s: float) -> dict[str, Any]:
        medium = run.schedule.medium
        return {
            "number": run.schedule.number,
            "flows": openings,
            "trying": bool(run.call_paths),
            "watching": isinstance(run.schedule.question, WatchedCalls),
            "slots": run.slots,
            "tick_ms": TICK_MS,
            "gap_ms": schedule.GAP_MS,
            "setup_ms": 1000 * setup_s,
            "tail_ms": 1000 * schedule.TAIL_S,
            "medium": medium.name,
            "picture": medium.picture_bytes,
            "payload": PAYLOAD_BYTES,
            "datagram": run.datagram_bytes,
        }

    # -- facts ------------------------------------------------------------------------------------------------------

    def _tell_facts(self) -> None:
        record = self._record
        facts = record.facts(self.seed, self._media, self._vpn, family=6 if ":" in self._host else 4)
        message = {
            "type": "facts",
            "facts": base64.b64encode(msgspec.msgpack.encode(facts)).decode(),
            "half": self._own_seed.hex(),
            "late_ms": record.late_ms,
            "apart": record.took_different_routes,
            "elsewhere": record.page_is_elsewhere,
        }
        self._tell(message)

    async def close(self) -> None:
        """Close all flows."""
        if self._run is not None:
            await self._run.close()
        await self._close_watch()

    async def _close_watch(self) -> None:
        if self._watch is not None:
            await self._watch.close()
            self._watch = None


def _ice_settings(path: CallPath, login: dict[str, str]) -> dict[str, Any]:
    """How the page's call takes that path: through the relay alone, or directly."""
    if not path.url:
        return {}
    return {"ice": {"iceServers": [{"urls": path.url, **login}], "iceTransportPolicy": "relay"}}


def _has_only_quic_failed(drawn: EpochSchedule, report: PageEpochReport) -> bool:
    """Whether calls were set up and no twin was. Then QUIC does not pass, which says nothing about calls, and the check
    begins again with data channels as twins. Nothing of that epoch is kept, so nothing is selected by its outcome."""
    set_up = {flow.flow for flow in report.flows if flow.dtls_ms is not None}
    twins = {flow.flow for flow in drawn.flows if flow.kind != "call"}
    return bool(set_up - twins) and not set_up & twins
