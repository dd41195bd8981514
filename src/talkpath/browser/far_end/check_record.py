"""What a check has measured so far: the facts of its epochs, from both ends' counts, and what bears on all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from talkpath.apps.contract.shape import Direction
from talkpath.browser.addresses import network_prefix
from talkpath.browser.far_end import schedule
from talkpath.browser.far_end.counts_to_facts.call_paths import path_epoch
from talkpath.browser.far_end.counts_to_facts.epoch_facts import epoch_from_counts
from talkpath.browser.far_end.counts_to_facts.epoch_report import (
    EpochTimes,
    FarFlowReport,
    PageEpochReport,
    whole_check,
)
from talkpath.browser.far_end.epoch_run import EpochRun
from talkpath.browser.far_end.transports.shared_port import SharedPort
from talkpath.browser.webrtc.call_media import CallMedium
from talkpath.measure.bitmap import unpack_bitmap
from talkpath.measure.facts import Epoch, Facts, Health, Reach
from talkpath.verdict.validity import CLOCK_JUMP_S, LATE_VOIDS_ALL_MS

IP_UDP_HEADER_BYTES = 28
NOTED_MS = 30.0  # the page notes when each packet left, so delays are right even if it was late by this much
MAX_LEFT_OUT = 3  # epochs in which an end was too late; one more voids the check


class CheckRecord:
    """The record of one check. `page` is the page's address as the server saw it.

    `late_ms` is how late this end sent (99th percentile of the worst epoch). `took_different_routes`: calls and twins
    came from different addresses. `page_is_elsewhere`: the page came by a proxy that no flow took.
    """

    def __init__(self, page: str, port: SharedPort) -> None:
        self._page, self._port = page, port
        self._began_s, self._started_at = time.monotonic(), datetime.now(UTC)
        self._reports: list[PageEpochReport] = []
        self._has_moved = False
        self._left_out_count = 0
        self.epochs: list[Epoch] = []
        self.late_ms = 0.0
        self.took_different_routes = self.page_is_elsewhere = False

    async def add(self, run: EpochRun, report: PageEpochReport, seed: bytes) -> None:
        """Add an epoch. `report` has the page's counts of it, `seed` is the check's."""
        far, times = run.reports(), self._times(run)
        if run.call_paths:
            epoch = path_epoch(run.schedule.number, run.call_paths, report, far, times)
        else:
            epoch = await self._compared(run, report, far, times, seed)
        self.late_ms = max(self.late_ms, run.late_ms_p99())
        self._has_moved = self._has_moved or any(flow.moved for flow in far.values())
        self.epochs.append(epoch)
        self._reports.append(report)

    def leave_out_late(self, run: EpochRun, report: PageEpochReport) -> bool:
        """Leave the epoch out, so that another one takes its place, if an end was so late that nothing of it would
        count; False if it is to be added. A busy moment is not the network's, and knows of no roles. What else speaks
        against the check is kept."""
        against = abs(report.clock_jump_s) > CLOCK_JUMP_S or report.hidden or report.network_changed
        is_late = max(run.late_ms_p99(), report.late_ms_p99) > LATE_VOIDS_ALL_MS
        left_out = is_late and not (against or run.call_paths) and self._left_out_count < MAX_LEFT_OUT
        self._left_out_count += left_out
        return left_out

    def _times(self, run: EpochRun) -> EpochTimes:
        now_s = time.monotonic() - self._began_s
        started_s = run.opened_s - self._began_s
        ended_s = max(started_s, now_s - schedule.TAIL_S)
        return EpochTimes(started_s=started_s, ended_s=ended_s, known_s=now_s, go_s=run.start_s)

    async def _compared(
        self, run: EpochRun, report: PageEpochReport, far: dict[int, FarFlowReport], times: EpochTimes, seed: bytes
    ) -> Epoch:
        """The facts of calls beside twins: made in a thread, since other checks have packets to send."""
        calls, twins = run.prefixes()
        different_routes = bool(calls and twins) and calls.isdisjoint(twins)
        self.took_different_routes = self.took_different_routes or different_routes
        self.page_is_elsewhere = self.page_is_elsewhere or self._is_elsewhere(calls | twins)
        return await asyncio.to_thread(
            epoch_from_counts,
            run.schedule,
            report,
            far,
            times,
            seed,
            self._port.address[1],
            has_channels=run.has_channels,
            different_routes=different_routes,
        )

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

    def facts(self, seed: bytes, media: Sequence[CallMedium], vpn: bool | None, family: int) -> Facts:
        """The facts so far. `vpn` is what the user answered, `family` the version of IP."""
        reports = self._reports
        return Facts(
            plan=schedule.check_plan(media),
            epochs=whole_check(self.epochs),
            health=self._health(vpn),
            reach=Reach(
                tcp_ok=sum(report.pongs for report in reports), tcp_tries=sum(report.pings for report in reports)
            ),
            seed=seed,
            started_at=f"{self._started_at:%Y-%m-%dT%H}:00:00Z",
            duration_s=time.monotonic() - self._began_s,
            bytes_sent=sent_bytes(self.epochs, "up"),
            bytes_received=sent_bytes(self.epochs, "down"),
            family=family,
        )

    def _health(self, vpn: bool | None) -> Health:
        reports = self._reports
        page_late_ms = max((report.late_ms_p99 for report in reports if report.late_ms_p99 > NOTED_MS), default=0.0)
        return Health(
            late_ms_p99=max(self.late_ms, page_late_ms),
            probe_late_ms_p99=page_late_ms,
            responder_late_ms_p99=self.late_ms,
            clock_jump_s=max((report.clock_jump_s for report in reports), key=abs, default=0.0),
            network_changed=self._has_moved or any(report.network_changed for report in reports),
            hidden=any(report.hidden for report in reports),
            vpn=vpn,
        )


def sent_bytes(epochs: Sequence[Epoch], direction: Direction) -> int:
    """IP bytes of all packets sent in that direction."""
    total = 0
    for epoch in epochs:
        size = np.array(epoch.up.size if direction == "up" else epoch.down.size) + IP_UDP_HEADER_BYTES
        flows = [flow for flow in epoch.flows if flow.direction == direction]
        total += sum(int(size[unpack_bitmap(flow.sent, len(size))].sum()) for flow in flows)
    return total
