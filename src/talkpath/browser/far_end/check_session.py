"""The far end of one check: answers the page's messages, runs its epochs, and hands on the facts.

Messages are JSON objects with a `type` (docs/why/2026-11-24-browser.md lists them). `receive` takes those of the page,
`tell` sends ours. The facts are sent as soon as an epoch's report has come; the web server judges them, and asks for
another epoch or ends the check.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from talkpath.apps.contract.shape import Direction
from talkpath.browser.addresses import network_prefix
from talkpath.browser.far_end import schedule
from talkpath.browser.far_end.counts_to_facts import call_paths
from talkpath.browser.far_end.counts_to_facts.call_paths import CallPath, path_epoch
from talkpath.browser.far_end.counts_to_facts.epoch_facts import epoch_from_counts
from talkpath.browser.far_end.counts_to_facts.epoch_report import EpochTimes, PageEpochReport
from talkpath.browser.far_end.counts_to_facts.exclusions import whole_check
from talkpath.browser.far_end.epoch_run import EpochRun
from talkpath.browser.far_end.schedule import EpochSchedule, FlowSchedule
from talkpath.browser.far_end.transports.shared_port import SharedPort
from talkpath.browser.far_end.transports.webtransport_twin import WebTransportTwin
from talkpath.browser.webrtc.call_media import MEDIA, PAYLOAD_BYTES, TICK_MS, VOICE, Medium
from talkpath.errors import PeerError
from talkpath.measure.bitmap import unpack
from talkpath.measure.facts import Epoch, Facts, Health, Reach

HEADER_BYTES = 28
SEED_BYTES = 32  # each end's part
NOTED_MS = 30.0  # the page notes when each packet left, so delays are right even if it was late by this much

UNREADABLE = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
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
        self._port, self._host, self._twins, self._tell, self._page = port, host, twins, tell, page
        self._own_seed, self._page_seed = secrets.token_bytes(SEED_BYTES), b""
        self._token = secrets.token_urlsafe(12)
        self._began_s, self._started_at = time.monotonic(), datetime.now(UTC)
        self._media: tuple[Medium, ...] = (VOICE,)
        self._vpn: bool | None = None
        self._has_channels = False
        self._run: EpochRun | None = None
        self._is_report_due = False
        self._drawn_count = 0
        self._paths: tuple[CallPath, ...] = ()
        self._epochs: list[Epoch] = []
        self._reports: list[PageEpochReport] = []
        self._late_ms = 0.0
        self._has_moved = self._took_different_routes = self._page_is_elsewhere = False

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
            "offer": self._offer,
            "media": self._start_media,
            "report": self._report,
        }
        handle = handlers.get(str(message.get("type")))
        if handle is None:
            raise PeerError("The page sent a message that this server does not know; load the page again.")
        try:
            await handle(message)
        except UNREADABLE as error:
            raise PeerError("The page sent something that this server cannot read; load the page again.") from error

    # -- messages ---------------------------------------------------------------------------------------------------

    async def _start(self, message: dict[str, Any]) -> None:
        if self._page_seed:
            raise PeerError("This check has begun already; load the page again.")
        nonce = bytes.fromhex(message["nonce"])
        if len(nonce) != SEED_BYTES:
            raise ValueError("a nonce of another length")
        self._page_seed = nonce
        vpn = message.get("vpn")
        self._vpn = vpn if isinstance(vpn, bool) else None
        self._has_channels = message.get("twins") == "channel"
        self._media = tuple(MEDIA[name] for name in dict.fromkeys(message.get("media", (VOICE.name,))))
        await self._next({"medium": self._media[0].name})

    async def _next(self, message: dict[str, Any]) -> None:
        """Begin the epoch that the web server asks for (`EpochRequest`)."""
        request = msgspec.convert(message, schedule.EpochRequest)
        drawn = schedule.requested_schedule(self.seed, self._drawn_count, request)
        self._drawn_count += 1
        run = await self._new_run(drawn, drawn.medium.slots)
        self._tell_epoch(run, run.opening_messages(), schedule.SETUP_S)

    async def _try_paths(self, message: dict[str, Any]) -> None:
        """Begin the last epoch: one call for each path."""
        number = self._port.address[1]
        direct = CallPath(name=f"udp/{number}", transport="udp", port=number)
        self._paths = (direct, *msgspec.convert(message["paths"], tuple[CallPath, ...]))
        flows = tuple(FlowSchedule(flow, "call") for flow in range(len(self._paths)))
        run = await self._new_run(EpochSchedule(self._drawn_count, flows), call_paths.SLOTS)
        login = {"username": message["user"], "credential": message["password"]}
        openings = [
            {"flow": flow, "kind": "call", **_ice_settings(path, login)} for flow, path in enumerate(self._paths)
        ]
        self._tell_epoch(run, openings, call_paths.SETUP_S)

    async def _offer(self, message: dict[str, Any]) -> None:
        flow = int(message["flow"])
        if self._run is None or not self._is_report_due:
            raise PeerError("The page offered a call that was not due; load the page again.")
        self._tell({"type": "answer", "flow": flow, "sdp": await self._run.answer(flow, str(message["sdp"]))})

    async def _start_media(self, _: dict[str, Any]) -> None:
        """All flows are set up: both ends begin to send."""
        if self._run is not None and self._is_report_due and self._run.start():
            self._tell({"type": "go"})

    async def _report(self, message: dict[str, Any]) -> None:
        """The page's counts of an epoch; together with this end's they are its facts."""
        report = msgspec.convert(message["report"], PageEpochReport)
        run = self._run
        is_due = run is not None and self._is_report_due and run.has_run()
        if run is None or not is_due or report.number != run.schedule.number:
            raise PeerError("The page reported on something that was not asked; load the page again.")
        is_first = not self._paths and not self._epochs and not self._has_channels
        if is_first and _has_only_quic_failed(run.schedule, report):
            self._has_channels = True
            await self._next({"medium": run.schedule.medium.name})
            return
        self._is_report_due = False
        await self._add_epoch(run, report)
        self._tell_facts()

    # -- epochs -----------------------------------------------------------------------------------------------------

    async def _new_run(self, drawn: EpochSchedule, slots: int) -> EpochRun:
        """Close the last epoch's flows, and make those of the next."""
        await self.close()
        self._run = EpochRun(
            drawn,
            slots,
            self._port,
            self._host,
            has_channels=self._has_channels,
            path=f"/twin/{self._token}/{drawn.number}",
            twins=self._twins,
        )
        self._is_report_due = True
        return self._run

    def _tell_epoch(self, run: EpochRun, openings: list[dict[str, Any]], setup_s: float) -> None:
        """Have the page open these flows, in this order."""
        medium = run.schedule.medium
        message = {
            "type": "epoch",
            "number": run.schedule.number,
            "seed": self._own_seed.hex(),
            "flows": openings,
            "trying": bool(self._paths),
            "watching": run.schedule.question == "watch",
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
        self._tell(message)

    async def _add_epoch(self, run: EpochRun, report: PageEpochReport) -> None:
        """Make the facts of an epoch from both ends' counts: in a thread, since other checks have packets to send."""
        now_s = time.monotonic() - self._began_s
        started_s = run.opened_s - self._began_s
        ended_s = max(started_s, now_s - schedule.TAIL_S)
        times = EpochTimes(started_s=started_s, ended_s=ended_s, known_s=now_s, go_s=run.start_s)
        far = run.reports()
        if self._paths:
            epoch = path_epoch(run.schedule.number, self._paths, report, far, times)
        else:
            calls, twins = run.prefixes()
            different_routes = bool(calls and twins) and calls.isdisjoint(twins)
            self._took_different_routes = self._took_different_routes or different_routes
            self._page_is_elsewhere = self._page_is_elsewhere or self._is_elsewhere(calls | twins)
            epoch = await asyncio.to_thread(
                epoch_from_counts,
                run.schedule,
                report,
                far,
                times,
                self.seed,
                self._port.address[1],
                has_channels=self._has_channels,
                different_routes=different_routes,
            )
        self._late_ms = max(self._late_ms, run.late_ms_p99())
        self._has_moved = self._has_moved or any(flow.moved for flow in far.values())
        self._epochs.append(epoch)
        self._reports.append(report)

    def _is_elsewhere(self, flow_prefixes: set[bytes]) -> bool:
        """Whether the page came by a proxy that no flow took; then its address is not in the network that was measured.

        Prefixes of another IP version than the page's say nothing about this.
        """
        try:
            page = network_prefix(self._page)
        except ValueError:
            return False
        same_version = {prefix for prefix in flow_prefixes if len(prefix) == len(page)}
        return bool(same_version) and page not in same_version

    # -- facts ------------------------------------------------------------------------------------------------------

    def _tell_facts(self) -> None:
        facts = base64.b64encode(msgspec.msgpack.encode(self._facts())).decode()
        message = {
            "type": "facts",
            "facts": facts,
            "half": self._own_seed.hex(),
            "tried": bool(self._paths),
            "late_ms": self._late_ms,
            "apart": self._took_different_routes,
            "elsewhere": self._page_is_elsewhere,
        }
        self._tell(message)

    def _facts(self) -> Facts:
        reports = self._reports
        return Facts(
            plan=schedule.check_plan(self._media),
            epochs=whole_check(self._epochs),
            health=self._health(),
            reach=Reach(
                tcp_ok=sum(report.pongs for report in reports), tcp_tries=sum(report.pings for report in reports)
            ),
            seed=self.seed,
            started_at=f"{self._started_at:%Y-%m-%dT%H}:00:00Z",
            duration_s=time.monotonic() - self._began_s,
            bytes_sent=_sent_bytes(self._epochs, "up"),
            bytes_received=_sent_bytes(self._epochs, "down"),
            family=6 if ":" in self._host else 4,
        )

    def _health(self) -> Health:
        reports = self._reports
        page_late_ms = max((report.late_ms_p99 for report in reports if report.late_ms_p99 > NOTED_MS), default=0.0)
        return Health(
            late_ms_p99=max(self._late_ms, page_late_ms),
            probe_late_ms_p99=page_late_ms,
            responder_late_ms_p99=self._late_ms,
            clock_jump_s=max((report.clock_jump_s for report in reports), key=abs, default=0.0),
            network_changed=self._has_moved or any(report.network_changed for report in reports),
            hidden=any(report.hidden for report in reports),
            vpn=self._vpn,
        )

    async def close(self) -> None:
        """Close the flows of the epoch that runs."""
        if self._run is not None:
            await self._run.close()


def _ice_settings(path: CallPath, login: dict[str, str]) -> dict[str, Any]:
    """How the page's call takes that path: through the relay alone, or directly."""
    if not path.url:
        return {}
    return {"ice": {"iceServers": [{"urls": path.url, **login}], "iceTransportPolicy": "relay"}}


def _sent_bytes(epochs: Sequence[Epoch], direction: Direction) -> int:
    """IP bytes of all packets sent in that direction."""
    total = 0
    for epoch in epochs:
        size = np.array(epoch.up.size if direction == "up" else epoch.down.size) + HEADER_BYTES
        flows = [flow for flow in epoch.flows if flow.direction == direction]
        total += sum(int(size[unpack(flow.sent, len(size))].sum()) for flow in flows)
    return total


def _has_only_quic_failed(drawn: EpochSchedule, report: PageEpochReport) -> bool:
    """Whether calls were set up and no twin was. Then QUIC does not pass, which says nothing about calls, and the check
    begins again with data channels as twins. Nothing of that epoch is kept, so nothing is selected by its outcome."""
    set_up = {flow.flow for flow in report.flows if flow.dtls_ms is not None}
    twins = {flow.flow for flow in drawn.flows if flow.kind != "call"}
    return bool(set_up - twins) and not set_up & twins
