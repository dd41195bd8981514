"""One WebRTC connection on the shared port: it gives an engine (`browser.webrtc`) datagrams and time.

One real call on the shared port. What the browser sends is counted by its lane and never decoded.
"""

from __future__ import annotations

import asyncio
import time
from contextvars import copy_context
from typing import Any, Generic, TypeVar

from talkpath.browser.far_end.transports.shared_port import Lane, LaneCounts, SharedPort
from talkpath.browser.webrtc.call_engine import CallEngine
from talkpath.browser.webrtc.call_media import CallMedium
from talkpath.browser.webrtc.ice_agent import NEVER_DUE_S
from talkpath.browser.webrtc.secure_transport import SecureTransport, SourcedDatagrams
from talkpath.browser.webrtc.session_description import parse_offer

Engine = TypeVar("Engine", bound=SecureTransport)


class WebRtcFlow(asyncio.DatagramProtocol, Generic[Engine]):
    """The connection. What the browser sends is counted by its lane."""

    def __init__(self, port: SharedPort, host: str) -> None:
        self._port, self._host = port, host
        self._lane: Lane | None = None
        self._engine: Engine | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = NEVER_DUE_S
        self._context = copy_context()  # of the check, which an error of this end has to end

    @property
    def counts(self) -> LaneCounts:
        """What its lane counted."""
        return self._lane.counts if self._lane else LaneCounts()

    @property
    def prefixes(self) -> set[bytes]:
        """The network prefixes that its packets came from."""
        return self.counts.prefixes

    def _begin(self, engine: Engine) -> None:
        """From now on the engine gets what is sent to its fragment."""
        self._engine = engine
        self._lane = self._port.lane(self, engine.fragment, engine.password)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Called by the lane."""
        assert self._engine is not None  # it has a lane
        try:
            self._send(self._engine.receive(time.monotonic(), data, addr))
            self._advanced()
            self._arm()
        except Exception as error:  # noqa: BLE001 (whatever it is, other checks are to go on)
            self._fail(error)

    def _advanced(self) -> None:
        """Do what the datagram that was taken last makes possible."""

    async def close(self) -> None:
        """End the connection."""
        if self._timer is not None:
            self._timer.cancel()
        if self._engine is not None and self._lane is not None:
            self._send(self._engine.close(time.monotonic()))
            self._lane.close()

    def _send(self, datagrams: SourcedDatagrams) -> None:
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
        self._timer = None if wake_s == NEVER_DUE_S else asyncio.get_running_loop().call_at(wake_s, self._wake)

    def _wake(self) -> None:
        assert self._engine is not None  # it had the timer set
        self._timer_s = NEVER_DUE_S
        try:
            self._send(self._engine.poll(time.monotonic()))
            self._arm()
        except Exception as error:  # noqa: BLE001 (as above)
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """Let the check end by an error of this process: its flows would look as if the network had dropped them."""
        context = {"message": "A connection failed.", "exception": error}
        self._context.run(asyncio.get_running_loop().call_exception_handler, context)


class WebRtcCall(WebRtcFlow[CallEngine]):
    """The call."""

    def __init__(self, port: SharedPort, host: str, medium: CallMedium) -> None:
        super().__init__(port, host)
        self._medium = medium

    @property
    def sent(self) -> tuple[int, ...]:
        """The slots that were sent."""
        return tuple(self._engine.sender.sent) if self._engine else ()

    @property
    def zero_stamp(self) -> int | None:
        """The RTP time stamp of slot 0; None if nothing was sent."""
        return self._engine.sender.zero_stamp if self._engine and self.sent else None

    async def answer(self, sdp: str) -> str:
        """Return the SDP answer to an offer. `ValueError` if it is no valid offer."""
        engine = CallEngine(parse_offer(sdp), self._medium)
        self._begin(engine)
        return engine.answer(self._host, self._port.address[1])

    def tick(self, slot: int) -> None:
        """Send slot `slot`, if the call is set up."""
        if self._engine is not None:
            self._send(self._engine.media(time.monotonic(), time.time(), slot))
