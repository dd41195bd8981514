"""One real call on the shared port: it gives the engine (`browser.webrtc`) datagrams and time, and counts."""

from __future__ import annotations

import asyncio
import time
from contextvars import copy_context
from typing import Any

from talkpath.browser.far_end.transports.shared_port import Lane, LaneCounts, SharedPort
from talkpath.browser.webrtc.call_engine import CallEngine, Datagrams
from talkpath.browser.webrtc.call_media import Medium
from talkpath.browser.webrtc.ice_agent import NEVER
from talkpath.browser.webrtc.session_description import parse_offer


class WebRtcCall(asyncio.DatagramProtocol):
    """The call. What the browser sends is counted by the lane and never decoded."""

    def __init__(self, port: SharedPort, host: str, medium: Medium) -> None:
        self._port, self._host, self._medium = port, host, medium
        self._lane: Lane | None = None
        self._engine: CallEngine | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = NEVER
        self._context = copy_context()  # of the check, which an error of this end has to end

    @property
    def counts(self) -> LaneCounts:
        """What its lane counted."""
        return self._lane.counts if self._lane else LaneCounts()

    @property
    def prefixes(self) -> set[bytes]:
        """The network prefixes that its packets came from."""
        return self.counts.prefixes

    @property
    def sent(self) -> tuple[int, ...]:
        """The slots that were sent."""
        return tuple(self._engine.sent) if self._engine else ()

    @property
    def zero_stamp(self) -> int | None:
        """The RTP time stamp of slot 0; None if nothing was sent."""
        return self._engine.zero_stamp if self._engine and self._engine.sent else None

    async def answer(self, sdp: str) -> str:
        """Return the SDP answer to an offer. `ValueError` if it is no valid offer."""
        self._engine = CallEngine(parse_offer(sdp), self._medium, self._host, self._port.address[1])
        self._lane = self._port.lane(self, self._engine.fragment)
        return self._engine.answer()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Called by the lane."""
        assert self._engine is not None  # it has a lane
        try:
            self._send(self._engine.receive(time.monotonic(), data, addr))
            self._arm()
        except Exception as error:  # noqa: BLE001 (whatever it is, other checks are to go on)
            self._fail(error)

    def tick(self, slot: int) -> None:
        """Send slot `slot`, if the call is set up."""
        if self._engine is not None:
            self._send(self._engine.media(time.monotonic(), time.time(), slot))

    async def close(self) -> None:
        """End the call."""
        if self._timer is not None:
            self._timer.cancel()
        if self._engine is not None and self._lane is not None:
            self._send(self._engine.close(time.monotonic()))
            self._lane.close()

    def _send(self, datagrams: Datagrams) -> None:
        for data, to in datagrams:
            self._port.send(data, to)

    def _arm(self) -> None:
        """Have `_wake` called when the engine wants it."""
        assert self._engine is not None  # it has received something
        wake_s = self._engine.wake_s
        if wake_s == self._timer_s:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_s = wake_s
        self._timer = None if wake_s == NEVER else asyncio.get_running_loop().call_at(wake_s, self._wake)

    def _wake(self) -> None:
        assert self._engine is not None  # it had the timer set
        self._timer_s = NEVER
        try:
            self._send(self._engine.poll(time.monotonic()))
            self._arm()
        except Exception as error:  # noqa: BLE001 (as above)
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """Let the check end by an error of this process: its calls would look as if the network had dropped them."""
        context = {"message": "A call failed.", "exception": error}
        self._context.run(asyncio.get_running_loop().call_exception_handler, context)
