"""One epoch at the far end: its calls and twins, the clock by which it sends on them, and the counts of each flow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from itertools import count, takewhile
from math import ceil
from typing import Any

import msgspec
from msgspec.structs import replace

from talkpath.browser.far_end.counts_to_facts.call_paths import CallPath
from talkpath.browser.far_end.counts_to_facts.epoch_report import FarFlowReport
from talkpath.browser.far_end.schedule import EpochSchedule, FlowSchedule
from talkpath.browser.far_end.transports.data_channel_twin import DataChannelTwin
from talkpath.browser.far_end.transports.shared_port import SharedPort
from talkpath.browser.far_end.transports.webrtc_flow import WebRtcCall
from talkpath.browser.far_end.transports.webtransport_twin import UP_OVERHEAD, WebTransportTwin
from talkpath.browser.webrtc.call_media import TICK_MS
from talkpath.errors import PeerError

CHANNEL_OVERHEAD = 65  # DTLS and SCTP around a data channel's message, measured in Chromium 156
START_DELAY_S = 0.2
NOTICE_SLOTS = 25  # so long before both ends stop sending on watched calls, the page is told


class EpochRun:
    """The flows of one epoch.

    `slots` packets are due on each. `host` is this server's address as the page reached it. Twins are data channels if
    `has_channels`; else they are WebTransport sessions below `path`, and `twins` is where their server finds them.
    `call_paths` are those of its calls, if it tries paths.
    """

    def __init__(
        self,
        schedule: EpochSchedule,
        slots: int,
        port: SharedPort,
        host: str,
        *,
        has_channels: bool,
        path: str,
        twins: dict[str, WebTransportTwin],
        call_paths: tuple[CallPath, ...] = (),
    ) -> None:
        self.schedule, self.slots, self.has_channels, self.call_paths = schedule, slots, has_channels, call_paths
        self.calls: dict[int, WebRtcCall] = {}
        self.twins: dict[int, WebTransportTwin | DataChannelTwin] = {}
        self.opened_s, self.start_s = time.monotonic(), 0.0
        self.late_ms: list[float] = []
        self._port, self._host, self._path, self._server_twins = port, host, path, twins
        self._kinds = {flow.flow: flow.kind for flow in schedule.flows}
        self._answered: set[int] = set()
        self._sending: Iterator[float] | None = None
        self._failure: Exception | None = None
        for flow, kind in self._kinds.items():
            if kind != "call":
                self.twins[flow] = DataChannelTwin(port, host) if has_channels else self._webtransport_twin(flow)

    def _webtransport_twin(self, flow: int) -> WebTransportTwin:
        twin = self._server_twins[self._twin_path(flow)] = WebTransportTwin(flow)
        return twin

    def _twin_path(self, flow: int) -> str:
        return f"{self._path}/{flow}"

    @property
    def datagram_bytes(self) -> int:
        """The size of a twin's datagram for which its packets are as long as a call's."""
        return self.schedule.medium.wire_bytes - (CHANNEL_OVERHEAD if self.has_channels else UP_OVERHEAD)

    def opening_messages(self) -> list[dict[str, Any]]:
        """What the page is told of each flow, in the order in which it opens them."""
        return [self._opening_message(flow) for flow in self.schedule.flows]

    def _opening_message(self, flow: FlowSchedule) -> dict[str, Any]:
        message: dict[str, Any] = msgspec.to_builtins(flow)
        has_path = flow.kind != "call" and not self.has_channels
        return message | {"path": self._twin_path(flow.flow)} if has_path else message

    async def answer(self, flow: int, offer: str) -> str:
        """Return the SDP answer to the page's offer for that flow. `PeerError` if no offer is due there."""
        if self._kinds.get(flow) == "call" and flow not in self.calls:
            self.calls[flow] = WebRtcCall(self._port, self._host, self.schedule.medium)
        peer = self.calls.get(flow) or self.twins.get(flow)
        if peer is None or isinstance(peer, WebTransportTwin) or flow in self._answered:
            raise PeerError("The page offered a call that was not due; load the page again.")
        self._answered.add(flow)
        return await peer.answer(offer)

    # -- sending ------------------------------------------------------------------------------------------------------

    def start(self) -> bool:
        """Begin to send on all flows, in START_DELAY_S; False if that was begun before."""
        if self._sending is not None:
            return False
        self.start_s = time.monotonic() + START_DELAY_S
        self._sending = self._send_all()
        self._port.clock.add(self._advance, self.start_s)
        return True

    def has_run(self) -> bool:
        """Whether the time in which both ends send is over, so a report can be due. `PeerError` if this end failed."""
        if self._sending is None:
            return False
        if self._failure is not None:
            raise PeerError("The test server failed in the middle of the check; check again.")
        return time.monotonic() >= self.start_s + self.slots * TICK_MS / 1000

    def stop_soon(self, least: int) -> float:
        """Send `least` packets of each flow in all, or as many as until NOTICE_SLOTS from now; return how many seconds
        are left."""
        elapsed = (time.monotonic() - self.start_s) * 1000 / TICK_MS if self._sending is not None else 0.0
        self.slots = min(self.slots, max(least, ceil(elapsed) + NOTICE_SLOTS))
        self.schedule = replace(self.schedule, medium=replace(self.schedule.medium, slots=self.slots))
        return max(0.0, self.slots - elapsed) * TICK_MS / 1000

    def _advance(self) -> float | None:
        """Send what is due, for the clock."""
        assert self._sending is not None  # it was begun
        try:
            return next(self._sending, None)
        except Exception as error:  # noqa: BLE001 (whatever it is, other checks are to go on)
            self._failure = error
            return None

    def _send_all(self) -> Iterator[float]:
        """Send one packet of each flow in each slot, at the flow's own phase. Gives each time to wait for."""
        flows = sorted(self.schedule.flows, key=lambda flow: flow.phase_ms)
        for slot in takewhile(lambda slot: slot < self.slots, count()):
            for flow in flows:
                due_s = self.start_s + (slot * TICK_MS + flow.phase_ms) / 1000
                while (now_s := time.monotonic()) < due_s:
                    yield due_s
                self.late_ms.append(1000 * (now_s - due_s))
                if slot not in flow.withheld:
                    self._send(flow, slot)

    def _send(self, flow: FlowSchedule, slot: int) -> None:
        if flow.kind != "call":
            overhead = CHANNEL_OVERHEAD if self.has_channels else 0
            self.twins[flow.flow].tick(slot, self.schedule.medium.wire_bytes - overhead)
        elif flow.flow in self.calls:
            self.calls[flow.flow].tick(slot)

    # -- what was counted -------------------------------------------------------------------------------------------

    def late_ms_p99(self) -> float:
        """The lateness that one in a hundred of this end's packets exceeded."""
        return sorted(self.late_ms)[int(0.99 * len(self.late_ms))] if self.late_ms else 0.0

    def prefixes(self) -> tuple[set[bytes], set[bytes]]:
        """The network prefixes that calls came from, and those that twins came from."""
        return _packet_prefixes(self.calls), _packet_prefixes(self.twins)

    def reports(self) -> dict[int, FarFlowReport]:
        """What this end counted of each flow."""
        return {flow: self._report(flow) for flow in self._kinds}

    def _report(self, flow: int) -> FarFlowReport:
        if flow in self.twins:
            return _twin_report(flow, self.twins[flow])
        if flow in self.calls:
            return self._call_report(flow, self.calls[flow])
        return FarFlowReport(flow)

    def _call_report(self, flow: int, call: WebRtcCall) -> FarFlowReport:
        counts, medium = call.counts, self.schedule.medium
        return FarFlowReport(
            flow=flow,
            arrivals=tuple((number, at_s) for at_s, _, number in counts.rtp),
            sent=call.sent,
            requests=counts.requests,
            requested_s=counts.requested_s,
            request_gap_s=counts.request_gap_s,
            hellos=counts.hellos,
            unlike=sum(count for size, count in counts.sizes.items() if size != medium.wire_bytes),
            moved=counts.moved,
            stamp=call.zero_stamp,
        )

    async def close(self) -> None:
        """Stop sending and close all flows."""
        self._port.clock.remove(self._advance)
        for flow, twin in self.twins.items():
            if isinstance(twin, WebTransportTwin):
                self._server_twins.pop(self._twin_path(flow), None)
                if twin.close is not None:
                    twin.close()
        peers = [
            peer for peer in (*self.calls.values(), *self.twins.values()) if not isinstance(peer, WebTransportTwin)
        ]
        self.calls, self.twins = {}, {}
        await asyncio.gather(*(peer.close() for peer in peers))


def _twin_report(flow: int, twin: WebTransportTwin | DataChannelTwin) -> FarFlowReport:
    received = twin.received
    return FarFlowReport(
        flow=flow,
        arrivals=tuple(received.slots.items()),
        sent=tuple(twin.sent),
        packets=received.packets,
        lost_packets=received.lost_packets(),
        moved=received.moved,
    )


def _packet_prefixes(flows: Mapping[int, WebRtcCall | WebTransportTwin | DataChannelTwin]) -> set[bytes]:
    return set[bytes]().union(*(flow.prefixes for flow in flows.values()))
